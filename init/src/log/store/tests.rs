#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;

fn about(boot: char) -> About {
    About { boot: boot.to_string().repeat(32), machine: "f".repeat(32), host: "web1".to_owned(), begun: 0 }
}

fn open(folder: &Path, boot: char) -> Store {
    Store::open(folder, Bound::of(0), about(boot), None).unwrap()
}

fn say(store: &mut Store, line: u64, text: &str) {
    let mut draft = Draft::default();
    draft.add("MESSAGE", text);
    assert!(store.add(1_000_000 + line, line, line, &draft));
}

/// Every message there is, with its number.
fn read(folder: &Path) -> Vec<(u64, String)> {
    let files = segment::list(folder).unwrap().into_iter().filter_map(|name| Segment::read(&name.path).ok());
    let entries = |file: Segment| -> Vec<(u64, String)> {
        let whole: Vec<_> = file.entries().map(|entry| (entry.stamp.sequence, entry.text("MESSAGE").unwrap().to_owned())).collect();
        let mut back: Vec<_> = file.newest().map(|entry| (entry.stamp.sequence, entry.text("MESSAGE").unwrap().to_owned())).collect();
        back.reverse();
        assert_eq!(whole, back);
        whole
    };
    files.flat_map(entries).collect()
}

fn size(folder: &Path) -> u64 {
    segment::list(folder).unwrap().iter().map(|name| fs::metadata(&name.path).unwrap().len()).sum()
}

#[test]
fn a_store_is_gone_on_with_in_the_same_boot_and_the_next_begins_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("deep/fief");
    for (boot, text, files) in [('a', "one", 1), ('a', "two", 1), ('b', "three", 2)] {
        let mut store = open(&place, boot);
        say(&mut store, 41, text);
        store.sync().unwrap();
        assert_eq!(segment::list(&place).unwrap().len(), files);
    }
    assert_eq!(read(&place).iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["one", "two", "three"]);
    assert_eq!(read(&place).iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((open(&place, 'b').line(), open(&place, 'c').line()), (41, 0));
}

#[test]
fn whatever_is_cut_what_was_written_whole_is_read_and_gone_on_after() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), 'a');
    (1..=5).for_each(|line| say(&mut store, line, &format!("line {line}")));
    store.sync().unwrap();
    drop(store);
    let path = segment::list(folder.path()).unwrap().pop().unwrap().path;
    let whole = fs::read(&path).unwrap();
    let mut ends = [0; 6];
    for (count, end) in ends.iter_mut().enumerate() {
        let file = Segment::of(whole.clone()).unwrap();
        *end = MAGIC.len() + record::read(&whole[MAGIC.len()..]).unwrap().1;
        *end +=
            file.entries().take(count).map(|entry| { entry }.fields().map(|(_, value)| value.len() + 2).sum::<usize>() + 40).sum::<usize>();
    }
    assert_eq!(ends[5], whole.len());
    for length in 0..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let kept = ends.iter().filter(|end| **end <= length).count().saturating_sub(1);
        assert_eq!(read(folder.path()).len(), kept, "{length} bytes");
        let mut store = open(folder.path(), 'a');
        say(&mut store, 9, "after");
        store.sync().unwrap();
        let all = read(folder.path());
        assert_eq!((all.len(), all.last().unwrap().1.as_str()), (kept + 1, "after"), "{length} bytes");
        assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for name in segment::list(folder.path()).unwrap() {
            fs::remove_file(name.path).unwrap();
        }
    }
}

#[test]
fn the_bound_holds_whatever_is_written_and_the_newest_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let bound = Bound::of(0);
    let mut store = open(folder.path(), 'a');
    // Lengths from none to the longest, as chance would have them.
    let mut dice = 88_172_645_463_325_252_u64;
    for line in 1..=2000 {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let length = match dice % 50 {
            0 => record::LONGEST - 100,
            _ => usize::try_from(dice % 9000).unwrap(),
        };
        say(&mut store, line, &"x".repeat(length));
        if dice.is_multiple_of(7) {
            store.flush();
            assert!(size(folder.path()) <= bound.all);
        }
    }
    say(&mut store, 2001, "the last");
    store.sync().unwrap();
    assert!(size(folder.path()) <= bound.all);
    let all = read(folder.path());
    assert!(all.len() > 100 && all.len() < 2000, "{}", all.len());
    assert!(all.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0));
    assert_eq!(all.last().unwrap(), &(2001, "the last".to_owned()));
    assert_eq!(store.take_lost(), 0);
}

#[test]
fn what_is_too_long_is_refused_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), 'a');
    let mut draft = Draft::default();
    draft.add("MESSAGE", "x".repeat(record::LONGEST));
    assert!(!store.add(1, 1, 0, &draft));
    say(&mut store, 1, "short");
    store.flush();
    assert_eq!(read(folder.path()), [(1, "short".to_owned())]);
}

#[test]
fn who_follows_gets_what_is_whole_and_the_rest_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), 'a');
    say(&mut store, 1, "one");
    store.flush();
    let path = segment::list(folder.path()).unwrap().pop().unwrap().path;
    let mut tail = segment::Tail::open(&path).unwrap();
    let heard = |tail: &mut segment::Tail| {
        let mut all = Vec::new();
        tail.go_on(|_, entry| all.push(entry.text("MESSAGE").unwrap().to_owned())).unwrap();
        all
    };
    assert_eq!(heard(&mut tail), ["one"]);
    let mut bytes = Vec::new();
    let mut draft = Draft::default();
    draft.add("MESSAGE", "two");
    record::write(&mut bytes, Stamp::default(), &draft);
    let mut file = File::options().append(true).open(&path).unwrap();
    file.write_all(&bytes[..20]).unwrap();
    assert!(heard(&mut tail).is_empty());
    file.write_all(&bytes[20..]).unwrap();
    assert_eq!(heard(&mut tail), ["two"]);
}
