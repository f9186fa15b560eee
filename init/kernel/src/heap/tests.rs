#![allow(clippy::unwrap_used, clippy::panic)]
use std::collections::VecDeque;

use super::*;

struct Block<'a> {
    parts: &'a Parts,
    place: *mut u8,
    layout: Layout,
    filled: u8,
}

impl<'a> Block<'a> {
    fn of(parts: &'a Parts, size: usize, align: usize, filled: u8) -> Self {
        let layout = Layout::from_size_align(size, align).unwrap();
        // SAFETY: the size is not zero.
        let place = unsafe { parts.giving().malloc(size, align) };
        assert!(!place.is_null() && place.addr().is_multiple_of(align));
        // SAFETY: it was given out with that size.
        unsafe { place.write_bytes(filled, size) };
        Self { parts, place, layout, filled }
    }

    fn resized(mut self, size: usize) -> Self {
        let kept = self.layout.size().min(size);
        // SAFETY: it came from this heap with this layout; the size is not zero.
        self.place = unsafe { self.parts.of(self.place).realloc(self.place, self.layout.size(), self.layout.align(), size) };
        self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
        self.assert_filled(kept);
        // SAFETY: it was given out with that size.
        unsafe { self.place.write_bytes(self.filled, size) };
        self
    }

    fn assert_filled(&self, size: usize) {
        // SAFETY: all of it was written to.
        let bytes = unsafe { std::slice::from_raw_parts(self.place, size) };
        assert!(bytes.iter().all(|byte| *byte == self.filled));
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        self.assert_filled(self.layout.size());
        // SAFETY: it came from this heap with this layout.
        unsafe { self.parts.of(self.place).free(self.place, self.layout.size(), self.layout.align()) };
    }
}

/// Where the main part begins, what is given out ends, and what may be written ends.
fn edges(parts: &Parts) -> [usize; 3] {
    let held = Parts::held(&parts.main);
    let Room::At(base) = held.allocator().room() else { panic!("no room") };
    let [mark, open] = held.allocator().edges();
    [base, mark, open]
}

/// Lines of `/proc/self/smaps` about a stretch: its mappings, each with its lines.
fn mappings(from: usize, to: usize) -> Vec<Vec<String>> {
    let mut mappings: Vec<Vec<String>> = Vec::new();
    let mut is_ours = false;
    for line in std::fs::read_to_string("/proc/self/smaps").unwrap().lines() {
        let first = line.split_whitespace().next().unwrap();
        if let Some((start, _)) = first.split_once('-') {
            is_ours = (from..to).contains(&usize::from_str_radix(start, 16).unwrap());
            if is_ours {
                mappings.push(Vec::new());
            }
        }
        if is_ours {
            mappings.last_mut().unwrap().push(line.to_owned());
        }
    }
    mappings
}

/// KiB of a stretch that are there.
fn there(from: usize, to: usize) -> u64 {
    let lines = mappings(from, to).concat();
    lines.iter().filter_map(|line| line.strip_prefix("Rss:")?.split_whitespace().next()?.parse::<u64>().ok()).sum()
}

/// Sizes that are as uneven as a program's, the same each time.
fn sizes() -> impl Iterator<Item = usize> {
    std::iter::successors(Some(0x2545_F491_u32), |seed| {
        let seed = seed ^ seed << 13;
        let seed = seed ^ seed >> 17;
        Some(seed ^ seed << 5)
    })
    .map(|seed| 1 + usize::try_from(seed).unwrap() % if seed.is_multiple_of(97) { 300_000 } else { 700 })
}

#[test]
fn what_is_given_out_is_nobody_elses() {
    let parts = Parts::new();
    let mut blocks = VecDeque::new();
    for (turn, size) in sizes().take(20_000).enumerate() {
        let block = |align| Block::of(&parts, size, align, u8::try_from(turn % 251).unwrap());
        blocks.push_back(if turn % 5 == 0 { parts.copied(|| block(1)) } else { block(1 << (turn % 8)) });
        if turn % 3 == 0 {
            let block: Block<'_> = blocks.pop_front().unwrap();
            blocks.push_back(block.resized(size));
        }
        if blocks.len() > 500 {
            blocks.remove(turn % 500).unwrap();
        }
        if turn % 1000 == 0 {
            parts.give_back();
        }
    }
}

#[test]
fn memory_asked_for_as_zeros_is_of_zeros() {
    let parts = Parts::new();
    let size = 5 << 20;
    for _ in 0..3 {
        // SAFETY: the size is not zero.
        let place = unsafe { parts.giving().calloc(size, 8) };
        // SAFETY: given out with that size.
        let bytes = unsafe { std::slice::from_raw_parts_mut(place, size) };
        assert!(bytes.iter().all(|byte| *byte == 0));
        bytes.fill(7);
        // SAFETY: it came from this heap.
        unsafe { parts.of(place).free(place, size, 8) };
    }
}

#[test]
fn however_uneven_it_is_one_piece() {
    let parts = Parts::new();
    let mut blocks: Vec<Option<Block<'_>>> = sizes().take(10_000).map(|size| Some(Block::of(&parts, size, 8, 1))).collect();
    // Holes, which musl's malloc would give back one by one.
    for block in blocks.iter_mut().step_by(2) {
        *block = None;
    }
    let [base, _, open] = edges(&parts);
    assert_eq!(mappings(base, open).len(), 1);
}

#[test]
fn what_is_free_goes_back() {
    let parts = Parts::new();
    let first: Vec<Block<'_>> = (0..3000).map(|_| Block::of(&parts, 1000, 8, 1)).collect();
    let between = Block::of(&parts, 100, 8, 2);
    let last: Vec<Block<'_>> = (0..3000).map(|_| Block::of(&parts, 1000, 8, 3)).collect();
    let [base, full, _] = edges(&parts);
    assert!(there(base, full) > 5500);
    drop((first, last));
    parts.give_back();
    let [base, mark, open] = edges(&parts);
    assert!(mark < full, "the end is kept");
    assert!(there(base, open) < 300, "{} KiB are kept", there(base, open));
    drop(between);
}

#[test]
fn a_child_is_given_a_copy_of_its_plan_only() {
    let parts = Parts::new();
    let kept = Block::of(&parts, 100, 8, 1);
    let copied = parts.copied(|| Block::of(&parts, 100, 8, 2));
    let flags = |block: &Block<'_>| {
        let lines = mappings(mapping_of(block.place.addr()), block.place.addr() + 1).concat();
        lines.iter().find(|line| line.starts_with("VmFlags:")).unwrap().clone()
    };
    assert!(flags(&kept).contains(" dc"), "{}", flags(&kept));
    assert!(!flags(&copied).contains(" dc"), "{}", flags(&copied));
    // And so it stays when it grows.
    let more = Block::of(&parts, 3 << 20, 8, 3);
    assert!(flags(&more).contains(" dc"));
    assert!(parts.giving().allocator().room() != Parts::held(&parts.copied).allocator().room());
}

/// Where the mapping begins that an address is in.
fn mapping_of(address: usize) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut ranges = maps.lines().map(|line| {
        let (from, to) = line.split_whitespace().next().unwrap().split_once('-').unwrap();
        usize::from_str_radix(from, 16).unwrap()..usize::from_str_radix(to, 16).unwrap()
    });
    ranges.find(|range| range.contains(&address)).unwrap().start
}

#[test]
fn what_does_not_fit_into_the_room_lies_elsewhere() {
    let parts = Parts::new();
    let small = Block::of(&parts, 100, 8, 1);
    let size = region::ROOM + region::PAGE;
    // SAFETY: the size is not zero.
    let place = unsafe { parts.giving().malloc(size, 8) };
    let [base, mark, _] = edges(&parts);
    if !place.is_null() {
        assert!(!(base..base + region::ROOM).contains(&place.addr()));
        // SAFETY: it came from this heap.
        unsafe { parts.of(place).free(place, size, 8) };
    }
    assert!(mark - base <= 2 * region::PAGE);
    drop(small);
}

/// By where it lies it is known which part a piece goes back to.
#[test]
fn what_is_copied_lies_in_its_room_or_nowhere() {
    let parts = Parts::new();
    let _main = Block::of(&parts, 100, 8, 1);
    let _small = parts.copied(|| Block::of(&parts, 100, 8, 2));
    // SAFETY: the size is not zero.
    let place = parts.copied(|| unsafe { parts.giving().malloc(region::ROOM + region::PAGE, 8) });
    assert!(place.is_null());
}
