//! A terminal made fit for the next person. termios(3), ioctl_tty(2).
//!
//! Called between clone and exec: nothing here allocates, locks or unwinds.
#![allow(unsafe_code)]

use std::ffi::CStr;

/// Resets the terminal at `path` and takes it from whoever has it. What is no terminal is left alone: whoever needs it will tell.
pub(crate) fn refresh(path: &CStr, reset: bool, hang_up: bool, size: [u16; 2]) {
    // Neither waited for (a serial line without carrier) nor taken as controlling terminal.
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_NONBLOCK | libc::O_CLOEXEC;
    // SAFETY: `path` is a C string.
    let fd = unsafe { libc::open(path.as_ptr(), flags) };
    if fd < 0 {
        return;
    }
    if reset {
        make_usual(fd);
    }
    resize(fd, size);
    if hang_up {
        // SAFETY: TIOCVHANGUP takes no argument. EPERM: the user namespace is not the first.
        unsafe { libc::ioctl(fd, libc::TIOCVHANGUP) };
    }
    // SAFETY: opened above.
    unsafe { libc::close(fd) };
}

/// Rows and columns, of which 0 leaves what is there.
fn resize(fd: libc::c_int, [rows, columns]: [u16; 2]) {
    // SAFETY: all-zero bytes are a valid struct winsize.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: `size` is a whole struct winsize. It fails where this is no terminal.
    if [rows, columns] == [0, 0] || unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &raw mut size) } != 0 {
        return;
    }
    for (now, wanted) in [(&mut size.ws_row, rows), (&mut size.ws_col, columns)] {
        if wanted != 0 {
            *now = wanted;
        }
    }
    // SAFETY: as above.
    unsafe { libc::ioctl(fd, libc::TIOCSWINSZ, &raw const size) };
}

/// The modes of a line where somebody types, as stty(1) `sane` has them.
fn make_usual(fd: libc::c_int) {
    // SAFETY: all-zero bytes are a valid struct termios.
    let mut modes: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: `modes` is a whole struct termios. It fails where this is no terminal.
    if unsafe { libc::tcgetattr(fd, &raw mut modes) } != 0 {
        return;
    }
    modes.c_iflag &= !(libc::IGNBRK | libc::BRKINT | libc::ISTRIP | libc::INLCR | libc::IGNCR);
    modes.c_iflag |= libc::ICRNL | libc::IXON | libc::IMAXBEL | libc::IUTF8;
    modes.c_oflag |= libc::OPOST | libc::ONLCR;
    modes.c_cflag |= libc::CREAD;
    modes.c_lflag = libc::ISIG | libc::ICANON | libc::IEXTEN | libc::ECHO | libc::ECHOE | libc::ECHOK | libc::ECHOCTL | libc::ECHOKE;
    for (index, key) in
        [(libc::VINTR, 3), (libc::VQUIT, 28), (libc::VERASE, 127), (libc::VKILL, 21), (libc::VEOF, 4), (libc::VMIN, 1), (libc::VTIME, 0)]
    {
        if let Some(place) = modes.c_cc.get_mut(index) {
            *place = key;
        }
    }
    // SAFETY: as above.
    unsafe { libc::tcsetattr(fd, libc::TCSANOW, &raw const modes) };
    // SAFETY: tcflush(3) takes numbers.
    unsafe { libc::tcflush(fd, libc::TCIFLUSH) };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use nix::sys::termios::{LocalFlags, SetArg, cfmakeraw, tcgetattr, tcsetattr};

    #[test]
    fn a_raw_terminal_becomes_usual_and_what_was_typed_is_dropped() {
        let pty = nix::pty::openpty(None, None).unwrap();
        let mut modes = tcgetattr(&pty.slave).unwrap();
        cfmakeraw(&mut modes);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &modes).unwrap();
        nix::unistd::write(&pty.master, b"typed before").unwrap();
        let path = std::ffi::CString::new(nix::unistd::ttyname(&pty.slave).unwrap().into_os_string().into_encoded_bytes()).unwrap();
        refresh(&path, true, false, [40, 0]);
        refresh(&path, false, false, [0, 132]);
        let modes = tcgetattr(&pty.slave).unwrap();
        assert!(modes.local_flags.contains(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG));
        let mut waiting: libc::c_int = -1;
        // SAFETY: FIONREAD stores an int.
        unsafe { libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(&pty.slave), libc::FIONREAD, &raw mut waiting) };
        assert_eq!(waiting, 0);
        // SAFETY: all-zero bytes are a valid struct winsize.
        let mut size: libc::winsize = unsafe { std::mem::zeroed() };
        // SAFETY: TIOCGWINSZ stores a struct winsize.
        unsafe { libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(&pty.slave), libc::TIOCGWINSZ, &raw mut size) };
        assert_eq!((size.ws_row, size.ws_col), (40, 132));
        refresh(c"/dev/null", true, true, [1, 1]);
        refresh(c"/no/such", true, true, [1, 1]);
    }
}
