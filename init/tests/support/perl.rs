//! Daemons of a few lines: Perl is in every Debian root, and can do what a shell cannot.
#![allow(dead_code, unreachable_pub, missing_docs)]

/// What the scripts have: `notify(TEXT, DESCRIPTORS…)` sends to `$NOTIFY_SOCKET`, `barrier()` waits until all of it has been
/// acted upon, `say` writes a line at once.
const PRELUDE: &str = r#"
use strict; use warnings; use Socket; $| = 1;
sub say { print @_, "\n" }
sub notify_socket {
    socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
    connect($s, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die "connect: $!";
    return $s;
}
# struct msghdr, struct iovec and struct cmsghdr by hand: unix(7), cmsg(3). SYS_sendmsg.
sub notify {
    my ($text, @fds) = @_;
    my $s = notify_socket();
    my $iov = pack("P Q", $text, length $text);
    my $control = pack("Q l l l*", 16 + 4 * @fds, 1, 1, @fds);
    $control .= "\0" x ((8 - length($control) % 8) % 8);
    my $message = @fds ? pack("Q L x4 P Q P Q l x4", 0, 0, $iov, 1, $control, length $control, 0)
                       : pack("Q L x4 P Q Q Q l x4", 0, 0, $iov, 1, 0, 0, 0);
    my $call = `uname -m` =~ /aarch64/ ? 211 : 46;
    syscall($call, fileno($s), $message, 0) >= 0 or die "sendmsg: $!";
}
sub barrier {
    pipe(my $read, my $write) or die;
    notify("BARRIER=1", fileno $write);
    close $write;
    sysread($read, my $nothing, 1);
}
"#;

/// A service of a Perl script; `more` goes into [service].
pub fn service(more: &str, script: &str) -> String {
    format!(
        "[service]\ncommand = [\"/usr/bin/perl\", \"-e\", '''{PRELUDE}{script}''']\n{more}\n[log]\nconsole = \"all\"\n[restart]\ndelay = \"10ms\"\n\
         [install]\nwanted-by = [\"multi-user.target\"]\n"
    )
}
