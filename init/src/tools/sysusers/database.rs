//! The four files of users and groups as they are, and with what is added. passwd(5), group(5), shadow(5), gshadow(5).

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::file;
use crate::setup::{Trouble, replace, text};

/// A password that nobody has, of an account that is locked besides; crypt(5).
const LOCKED: &str = "!*";

/// One file: what it says, and whether that is new.
struct Book {
    path: PathBuf,
    lines: Vec<String>,
    is_new: bool,
    /// Of a file that was not there.
    mode: u32,
}

pub(super) struct Database {
    passwd: Book,
    group: Book,
    shadow: Book,
    gshadow: Book,
    /// Held until all is written.
    _lock: Option<File>,
}

fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(':')
}

impl Book {
    fn read(etc: &Path, name: &str, mode: u32) -> Result<Self, Trouble> {
        let path = etc.join(name);
        let lines = text(&path)?.unwrap_or_default().lines().map(str::to_owned).collect();
        Ok(Self { path, lines, is_new: false, mode })
    }

    /// The number in the third field of who has this name.
    fn id(&self, name: &str) -> Option<u32> {
        self.lines.iter().find(|line| fields(line).next() == Some(name)).and_then(|line| fields(line).nth(2)?.parse().ok())
    }

    fn name(&self, id: u32) -> Option<&str> {
        let has_it = |line: &&String| fields(line).nth(2).is_some_and(|field| field.parse() == Ok(id));
        self.lines.iter().find(has_it).and_then(|line| fields(line).next())
    }

    /// Before what another service is to be asked for: those come last; nsswitch.conf(5), "compat".
    fn add(&mut self, line: String) {
        let at = self.lines.iter().position(|line| line.starts_with(['+', '-'])).unwrap_or(self.lines.len());
        self.lines.insert(at, line);
        self.is_new = true;
    }

    /// Writes a name into the last field of the line of a group.
    fn add_member(&mut self, group: &str, user: &str) {
        let Some(line) = self.lines.iter_mut().find(|line| fields(line).next() == Some(group)) else { return };
        let Some((before, members)) = line.rsplit_once(':') else { return };
        let mut members: Vec<&str> = members.split(',').filter(|member| !member.is_empty()).collect();
        if members.contains(&user) {
            return;
        }
        members.push(user);
        units::order::by(&mut members, Ord::cmp);
        *line = format!("{before}:{}", members.join(","));
        self.is_new = true;
    }

    fn write(&self) -> Result<(), Trouble> {
        if !self.is_new {
            return Ok(());
        }
        if let Some(before) = text(&self.path)? {
            let mut kept = self.path.clone().into_os_string();
            kept.push("-");
            let mode =
                std::fs::metadata(&self.path).map_or(0o600, |about| std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o7777);
            replace(Path::new(&kept), mode, before.as_bytes())?;
        }
        replace(&self.path, self.mode, self.lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes())
    }
}

impl Database {
    /// Reads all of it, with the lock of lckpwdf(3) held from here on.
    pub(super) fn open(root: &Path) -> Result<Self, Trouble> {
        let etc = root.join("etc");
        let lock = lock(&etc)?;
        Ok(Self {
            passwd: Book::read(&etc, "passwd", 0o644)?,
            group: Book::read(&etc, "group", 0o644)?,
            shadow: Book::read(&etc, "shadow", 0o600)?,
            gshadow: Book::read(&etc, "gshadow", 0o600)?,
            _lock: lock,
        })
    }

    pub(super) fn has_user(&self, name: &str) -> bool {
        self.passwd.id(name).is_some()
    }

    pub(super) fn user_of(&self, uid: u32) -> Option<&str> {
        self.passwd.name(uid)
    }

    pub(super) fn gid(&self, name: &str) -> Option<u32> {
        self.group.id(name)
    }

    pub(super) fn has_gid(&self, gid: u32) -> bool {
        self.group_of(gid).is_some()
    }

    pub(super) fn group_of(&self, gid: u32) -> Option<&str> {
        self.group.name(gid)
    }

    pub(super) fn add_group(&mut self, name: &str, gid: u32) {
        self.group.add(format!("{name}:x:{gid}:"));
        self.gshadow.add(format!("{name}:{LOCKED}::"));
    }

    /// With the fields of passwd(5) after the name.
    pub(super) fn add_user(&mut self, name: &str, rest: &str) {
        self.passwd.add(format!("{name}:{rest}"));
        let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
        self.shadow.lines.retain(|line| fields(line).next() != Some(name));
        self.shadow.add(format!("{name}:{LOCKED}:{today}::::::"));
    }

    pub(super) fn add_member(&mut self, user: &str, group: &str) {
        self.group.add_member(group, user);
        self.gshadow.add_member(group, user);
    }

    /// The secrets first: who is in passwd(5) without being in shadow(5) might have no password at all.
    pub(super) fn write(&self) -> Result<(), Trouble> {
        [&self.gshadow, &self.group, &self.shadow, &self.passwd].into_iter().try_for_each(Book::write)
    }
}

/// `None` where nothing can be written anyway.
fn lock(etc: &Path) -> Result<Option<File>, Trouble> {
    let path = etc.join(".pwd.lock");
    let opened = File::options().write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if matches!(error.raw_os_error(), Some(libc::EROFS | libc::ENOENT)) => return Ok(None),
        Err(error) => return Err(Trouble::file("open", &path, error)),
    };
    file::lock_when_free(&file).map_err(|error| Trouble::file("lock", &path, error.into()))?;
    Ok(Some(file))
}
