//! Where a heap's pieces come from: the end of one mapping, which grows and shrinks like brk(2)'s.

use std::cell::Cell;
use std::ptr;

use dlmalloc::Allocator;

/// Address space set aside, bytes; none of it counts as memory before it is asked for.
pub(super) const ROOM: usize = if cfg!(target_pointer_width = "64") { 1 << 30 } else { 1 << 26 };
/// No page of Linux is larger, bytes.
pub(super) const PAGE: usize = 64 * 1024;
/// In which pieces memory is looked for that could be given back, in pages; the first page of each stays.
pub(super) const PIECES: [usize; 3] = [256, 32, 4];

#[derive(Debug)]
pub(super) struct Region {
    room: Cell<Room>,
    /// What is given out ends here.
    mark: Cell<usize>,
    /// What may be written ends here.
    open: Cell<usize>,
    /// Nothing is given out beyond the mark.
    refuses: Cell<bool>,
    /// Whether it goes on in pieces of their own where its room ends. What is known by where it lies may not.
    strays: bool,
}

/// Its address space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Nobody has asked for any.
    Unasked,
    At(usize),
    /// There is none to be had (`RLIMIT_AS`): each piece is a mapping of its own.
    Refused,
}

impl Region {
    pub(super) const fn new(strays: bool) -> Self {
        Self { room: Cell::new(Room::Unasked), mark: Cell::new(0), open: Cell::new(0), refuses: Cell::new(false), strays }
    }

    pub(super) fn room(&self) -> Room {
        self.room.get()
    }

    /// Where growth ends now: `[mark, open]`.
    #[cfg(test)]
    pub(super) fn edges(&self) -> [usize; 2] {
        [self.mark.get(), self.open.get()]
    }

    pub(super) fn refuse(&self, refuses: bool) {
        self.refuses.set(refuses);
    }

    /// Its room, asked for the first time.
    pub(super) fn reserve(&self) -> Room {
        if self.room.get() == Room::Unasked {
            self.room.set(map(ROOM, libc::PROT_NONE, libc::MAP_NORESERVE).map_or(Room::Refused, |room| {
                self.mark.set(room.addr());
                self.open.set(room.addr());
                Room::At(room.addr())
            }));
        }
        self.room.get()
    }

    fn holds(&self, piece: *mut u8) -> bool {
        matches!(self.room.get(), Room::At(base) if (base..base + ROOM).contains(&piece.addr()))
    }

    /// The next `size` bytes.
    fn grow(&self, size: usize) -> Option<*mut u8> {
        let Room::At(base) = self.reserve() else { return None };
        let mark = self.mark.get();
        let end = mark.checked_add(size).filter(|end| *end <= base + ROOM)?;
        let open = self.open.get();
        if end > open {
            // SAFETY: between `open` and the room's end there is nobody's memory but ours.
            let opened = unsafe { libc::mprotect(at(open), end - open, libc::PROT_READ | libc::PROT_WRITE) };
            if opened != 0 {
                return None;
            }
            self.open.set(end);
        }
        self.mark.set(end);
        Some(at(mark).cast())
    }

    /// The room's last piece, which has `size` bytes, keeps `kept` of them.
    fn shrink(&self, piece: *mut u8, size: usize, kept: usize) -> bool {
        if piece.addr() + size != self.mark.get() {
            return false;
        }
        // SAFETY: these bytes are given up by the only one who had them. They read as zeros when they are given out again (madvise(2)).
        let given = unsafe { libc::madvise(piece.wrapping_add(kept).cast(), size - kept, libc::MADV_DONTNEED) } == 0;
        if given {
            self.mark.set(piece.addr() + kept);
        }
        given
    }
}

/// No child gets a copy of this room, nor of what will be in it: `MADV_DONTFORK`.
pub(super) fn keep_from_children(room: usize) -> bool {
    // SAFETY: a whole mapping of ours; the caller sees to it that a child needs nothing of it.
    unsafe { libc::madvise(at(room), ROOM, libc::MADV_DONTFORK) == 0 }
}

/// All pages of a piece but the first go back to the machine; they read as zeros when they are written to again.
///
/// # Safety
///
/// The piece begins with a page and is the caller's, who has nothing in those pages.
pub(super) unsafe fn empty(piece: *mut u8, size: usize, page: usize) {
    // SAFETY: within the piece, whose beginning is aligned.
    unsafe { libc::madvise(piece.wrapping_add(page).cast(), size - page, libc::MADV_DONTNEED) };
}

/// Bytes in a page of this machine.
pub(super) fn page() -> usize {
    // SAFETY: takes a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(PAGE)
}

pub(super) fn at(address: usize) -> *mut libc::c_void {
    ptr::with_exposed_provenance_mut(address)
}

/// A mapping of its own.
fn map(size: usize, protection: libc::c_int, more: libc::c_int) -> Option<*mut u8> {
    let flags = libc::MAP_ANONYMOUS | libc::MAP_PRIVATE | more;
    // SAFETY: a new mapping where nothing is.
    let place = unsafe { libc::mmap(ptr::null_mut(), size, protection, flags, -1, 0) };
    if place == libc::MAP_FAILED {
        return None;
    }
    place.expose_provenance();
    Some(place.cast())
}

fn unmap(piece: *mut u8, size: usize) -> bool {
    // SAFETY: given up by the only one who had it.
    unsafe { libc::munmap(piece.cast(), size) == 0 }
}

// SAFETY: what `alloc` gives is readable, writable, of zeros, and nobody else's until it comes back by `free` or `free_part`.
unsafe impl Allocator for Region {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let nothing = (ptr::null_mut(), 0, 0);
        if self.refuses.get() {
            return nothing;
        }
        let elsewhere = || if self.strays { map(size, libc::PROT_READ | libc::PROT_WRITE, 0) } else { None };
        self.grow(size).or_else(elsewhere).map_or(nothing, |piece| (piece, size, 0))
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, piece: *mut u8, size: usize, kept: usize) -> bool {
        if self.holds(piece) { self.shrink(piece, size, kept) } else { unmap(piece.wrapping_add(kept), size - kept) }
    }

    fn free(&self, piece: *mut u8, size: usize) -> bool {
        if self.holds(piece) { self.shrink(piece, size, 0) } else { unmap(piece, size) }
    }

    fn can_release_part(&self, _: u32) -> bool {
        true
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}
