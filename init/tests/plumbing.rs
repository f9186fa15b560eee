//! Tools by systemd's names in a guest whose PID 1 is ours.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;
#[path = "support/log.rs"]
mod log;

use guest::{POWERED_OFF, boot, script};

/// Has the shell find ours by these names before the machine's own.
fn names(names: &str) -> String {
    format!(
        "mkdir -p /run/bin; for name in {names}; do ln -sf {init} /run/bin/$name; done; PATH=/run/bin:$PATH; export PATH\n",
        init = guest::INIT
    )
}

#[test]
#[ignore = "needs root"]
fn a_script_tells_what_it_is_at_and_its_words_go_to_the_log() {
    let notify = names("systemd-notify");
    let service = format!(
        "[service]\ntype = \"notify\"\ncommand = [\"/bin/sh\", \"-c\", '''{notify}\
         systemd-notify --status=\"all is well\" --ready; trap \"systemd-notify --stopping\" TERM; systemd-cat -t inner echo from within; sleep 1000''']\n"
    );
    let work = names("systemd-notify systemd-cat systemd-detect-virt systemd-id128 systemd-machine-id-setup")
        + log::JOURNALCTL
        + "\nctl start shop.service; ctl status shop.service | sed 's/^/of the shop: /'\n\
           systemd-notify --ready; echo outside: $?; mkdir -p /run/systemd/system; systemd-notify --booted; echo booted: $?\n\
           systemd-detect-virt; systemd-detect-virt -q -v; echo container: $(systemd-detect-virt -c) $?\n\
           rm /etc/machine-id; id=$(systemd-machine-id-setup --print); test \"$id\" = \"$(systemd-id128 machine-id)\" && test ${#id} = 32 && echo one id\n\
           echo 'words of a pipe' | systemd-cat -t pipe -p err; systemd-cat -t split --stderr-priority=warning sh -c 'echo out; echo err >&2; exit 7'; echo split: $?\n\
           journalctl -q -t pipe -p err -o cat; journalctl -q -t split -p warning -o cat | sed 's/^/urgent: /'; journalctl -q -t split -o cat | sed 's/^/all: /'\n\
           systemd-cat no-such-program; echo missing: $?; ctl poweroff";
    let mut files = log::units();
    files.push(("shop.toml", service));
    files.push(("work.toml", script("\"fief-log.service\"", &work)));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let boot = boot(&files);
    boot.ended(POWERED_OFF).shows("of the shop:    status: all is well").shows("outside: 1").shows("booted: 0");
    boot.shows("work: container-other").shows("container: container-other 0").shows("work: one id");
    boot.shows("work: words of a pipe").shows("split: 7").shows("urgent: err").does_not_show("urgent: out").shows("all: out");
    boot.shows("missing: 1");
}
