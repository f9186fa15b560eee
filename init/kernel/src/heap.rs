//! The heap of a process that gives birth: what is in it need not be copied for a child.
//!
//! ```text
//!  main     base ── in use ── mark ── returned ── open ── not yet touched (PROT_NONE) …… base + ROOM      MADV_DONTFORK
//!  copied   the plan of the next birth, and nothing else                                                 copied by clone(2)
//! ```
//!
//! clone(2) write-protects and copies every private mapping of its caller, and takes for each a lock (`anon_vma`, mm/rmap.c) that all earlier
//! children share until they have executed a program. One of them that the machine gives no processor while it holds such a lock
//! holds up its parent: PID 1 was seen to wait for 85 ms beside 200 services that fall. And all that it then writes to costs it a fault each.
//! So a child gets no heap but a copy of its plan ([`copied`]), as it needs nothing else: it neither allocates nor knows anything of its parent's.
//!
//! What the heap gives up in the middle stays its own until [`give_back`]; its mapping is never cut, as musl's is, which is some forty
//! after an hour. What to give out and where is dlmalloc's business (package `dlmalloc`); the pieces come from [`Region`].
//! All of this is only so in a program that makes [`Heap`] its global allocator; in another one [`copied`] does nothing.
#![allow(unsafe_code)]

mod region;

use std::alloc::{GlobalAlloc, Layout};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dlmalloc::Dlmalloc;

use region::{Region, Room};

/// For `#[global_allocator]`.
#[derive(Debug, Clone, Copy)]
pub struct Heap;

static PARTS: Parts = Parts::new();

/// Does work that makes what the next child is to have a copy of. Whatever is allocated meanwhile is copied.
pub fn copied<T>(work: impl FnOnce() -> T) -> T {
    PARTS.copied(work)
}

/// Gives memory that is free back to the machine: at the end of the heap, and in larger pieces within it. Takes some microseconds for each of
/// these; to be called when much has been given up.
pub fn give_back() {
    PARTS.give_back();
}

// SAFETY: dlmalloc keeps the contract of GlobalAlloc, whose words its functions have; a lock makes it one caller at a time, and a place goes back
// to the part that it came from.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are the same.
        unsafe { PARTS.giving().malloc(layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { PARTS.giving().calloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { PARTS.of(place).free(place, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { PARTS.of(place).realloc(place, layout.size(), layout.align(), size) }
    }
}

/// Both parts of a heap.
struct Parts {
    main: Mutex<Dlmalloc<Region>>,
    copied: Mutex<Dlmalloc<Region>>,
    /// Where the copied part lies; 0 as long as there is none.
    copied_at: AtomicUsize,
    /// Which part gives.
    gives_copied: AtomicBool,
}

type Held<'a> = MutexGuard<'a, Dlmalloc<Region>>;

impl Parts {
    const fn new() -> Self {
        Self {
            main: Mutex::new(Dlmalloc::new_with_allocator(Region::new(true))),
            copied: Mutex::new(Dlmalloc::new_with_allocator(Region::new(false))),
            copied_at: AtomicUsize::new(0),
            gives_copied: AtomicBool::new(false),
        }
    }

    /// dlmalloc does not panic, and does not call out: a lock that was left by a panic is as good as another.
    fn held(part: &Mutex<Dlmalloc<Region>>) -> Held<'_> {
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn giving(&self) -> Held<'_> {
        Self::held(if self.gives_copied.load(Ordering::Relaxed) { &self.copied } else { &self.main })
    }

    fn of(&self, place: *mut u8) -> Held<'_> {
        let copied_at = self.copied_at.load(Ordering::Relaxed);
        let is_copied = copied_at != 0 && (copied_at..copied_at + region::ROOM).contains(&place.addr());
        Self::held(if is_copied { &self.copied } else { &self.main })
    }

    fn copied<T>(&self, work: impl FnOnce() -> T) -> T {
        if !self.is_parted() {
            return work();
        }
        let _back = Back(&self.gives_copied, self.gives_copied.swap(true, Ordering::Relaxed));
        work()
    }

    /// Whether a child gets the copied part only. The first time this is asked, it becomes so if it can be had: a program that gives no birth
    /// has no second part.
    fn is_parted(&self) -> bool {
        if self.copied_at.load(Ordering::Relaxed) != 0 {
            return true;
        }
        let main = Self::held(&self.main);
        // Not in use at all: another allocator is the program's.
        let Room::At(main_at) = main.allocator().room() else { return false };
        let Room::At(copied_at) = Self::held(&self.copied).allocator().reserve() else { return false };
        if !region::keep_from_children(main_at) {
            return false;
        }
        self.copied_at.store(copied_at, Ordering::Relaxed);
        true
    }

    fn give_back(&self) {
        let mut main = Self::held(&self.main);
        // SAFETY: asks nothing of the caller but the lock.
        unsafe { main.trim(0) };
        main.allocator().refuse(true);
        let page = region::page();
        // Each piece says in its first page which was taken before it, and how large that is.
        let mut last: (*mut u8, usize) = (ptr::null_mut(), 0);
        for size in region::PIECES.map(|pages| pages * page) {
            loop {
                // SAFETY: the size is not zero and the alignment a power of two.
                let piece = unsafe { main.malloc(size, page) };
                if piece.is_null() {
                    break;
                }
                // SAFETY: the piece is ours, of more pages than one, and aligned as one.
                unsafe { region::empty(piece, size, page) };
                // SAFETY: its first bytes are ours.
                unsafe { piece.cast::<(*mut u8, usize)>().write(last) };
                last = (piece, size);
            }
        }
        while !last.0.is_null() {
            let (piece, size) = last;
            // SAFETY: written above.
            last = unsafe { piece.cast::<(*mut u8, usize)>().read() };
            // SAFETY: came from there with that size and alignment.
            unsafe { main.free(piece, size, page) };
        }
        main.allocator().refuse(false);
    }
}

/// The part that gave before gives again, also after a panic.
struct Back<'a>(&'a AtomicBool, bool);

impl Drop for Back<'_> {
    fn drop(&mut self) {
        self.0.store(self.1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
