//! dpkg's record of names that packages' files do not get: `/var/lib/dpkg/diversions`, as dpkg-divert(1) writes it.
//!
//! Three lines each: the name, what files of that name are called instead, and the package that wants it so; `:` is nobody's, an
//! administrator's own (`--local`). What others wrote stays as it is, byte by byte and in its order.

/// Why the record cannot be changed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    #[error("dpkg's record of diversions does not come in threes of lines")]
    Garbled,
    #[error("{0} is diverted already, and not by us")]
    Taken(String),
}

/// Whose ours are: no package's.
const LOCAL: &[u8] = b":";

#[derive(Debug)]
pub(super) struct Diversions<'a> {
    all: Vec<Diversion<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Diversion<'a> {
    from: std::borrow::Cow<'a, [u8]>,
    to: std::borrow::Cow<'a, [u8]>,
    by: &'a [u8],
}

impl<'a> Diversions<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Trouble> {
        let Some(text) = bytes.strip_suffix(b"\n") else {
            return if bytes.is_empty() { Ok(Self { all: Vec::new() }) } else { Err(Trouble::Garbled) };
        };
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let (threes, rest) = lines.as_chunks::<3>();
        if !rest.is_empty() {
            return Err(Trouble::Garbled);
        }
        let all = threes.iter().map(|[from, to, by]| Diversion { from: (*from).into(), to: (*to).into(), by });
        Ok(Self { all: all.collect() })
    }

    /// Adds one; that it is there already is fine.
    pub(super) fn add(&mut self, from: &[u8], to: &[u8]) -> Result<(), Trouble> {
        let new = Diversion { from: from.to_vec().into(), to: to.to_vec().into(), by: LOCAL };
        if self.all.contains(&new) {
            return Ok(());
        }
        if self.all.iter().any(|old| old.from == new.from || old.to == new.from || old.to == new.to) {
            return Err(Trouble::Taken(String::from_utf8_lossy(from).into_owned()));
        }
        self.all.push(new);
        Ok(())
    }

    /// Takes away the local ones that add just `suffix`.
    pub(super) fn take_away(&mut self, suffix: &[u8]) {
        self.all.retain(|one| one.by != LOCAL || one.to.strip_suffix(suffix) != Some(&one.from));
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let lines = self.all.iter().flat_map(|one| [&*one.from, &*one.to, one.by]);
        lines.flat_map(|line| [line, b"\n"]).flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const OTHERS: &[u8] = b"/bin/sh\n/bin/sh.distrib\ndash\n/a\n/a.mine\n:\n/odd\xff\n/odd.x\nodd\n";

    #[test]
    fn what_is_added_is_taken_away_and_the_rest_stays() {
        let mut all = Diversions::read(OTHERS).unwrap();
        all.add(b"/sbin/init", b"/sbin/init.x").unwrap();
        all.add(b"/sbin/init", b"/sbin/init.x").unwrap();
        let with = all.bytes();
        assert_eq!(with, [OTHERS, b"/sbin/init\n/sbin/init.x\n:\n"].concat());
        let mut all = Diversions::read(&with).unwrap();
        all.take_away(b".x");
        // The package `odd` has one with the same ending, and it is not ours.
        assert_eq!(all.bytes(), OTHERS);
        assert_eq!(Diversions::read(b"").unwrap().bytes(), b"");
    }

    #[test]
    fn what_somebody_else_diverted_is_not_taken() {
        let mut all = Diversions::read(OTHERS).unwrap();
        assert_eq!(all.add(b"/bin/sh", b"/bin/sh.x"), Err(Trouble::Taken("/bin/sh".into())));
        assert_eq!(all.add(b"/a.mine", b"/a.mine.x"), Err(Trouble::Taken("/a.mine".into())));
        assert_eq!(all.bytes(), OTHERS);
    }

    #[test]
    fn a_garbled_record_is_left_alone() {
        for bad in [&b"/a\n/b\n"[..], b"/a\n/b\n:", b"\n", b"/a\n/b\n:\n/c\n"] {
            assert_eq!(Diversions::read(bad).map(|all| all.bytes()), Err(Trouble::Garbled), "{bad:?}");
        }
    }
}
