//! A playbook, played twice by the ansible-playbook of this machine: the first time all is made, the second time all is found made.

use std::fs;

use anyhow::{Context, Result, bail, ensure};

use super::guest::Guest;
use crate::{place, run};

/// Plays it. The guest may be anything that lets the tenant in.
pub(super) fn play(guest: &Guest) -> Result<()> {
    let folder = guest.folder();
    let inventory = folder.join("inventory.ini");
    let options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=60";
    let line = format!(
        "leased ansible_host={} ansible_user=root ansible_ssh_private_key_file={} ansible_python_interpreter=/usr/bin/python3 \
         ansible_ssh_common_args='{options}'\n",
        guest.address(),
        guest.key("root").display()
    );
    // Nothing of the machine's own settings, and nothing written into the home of whoever runs this.
    let settings = folder.join("ansible.cfg");
    for (path, text) in [(&inventory, line.as_str()), (&settings, "[defaults]\n")] {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let play = || {
        let mut ansible = run::command(["ansible-playbook", "-i"]);
        ansible.arg(&inventory).arg(place::repository().join("tests/tenant/site.yml"));
        ansible.env("ANSIBLE_CONFIG", &settings).env("ANSIBLE_LOCAL_TEMP", folder.join("tmp")).env("ANSIBLE_HOME", folder.join("home"));
        ansible.env("ANSIBLE_SSH_CONTROL_PATH_DIR", folder.join("cp")).env("ANSIBLE_NOCOLOR", "1").env("LC_ALL", "C.UTF-8");
        ansible.env("ANSIBLE_PIPELINING", "1");
        run::output(&mut ansible)
    };
    let boot = guest.boot()?;
    recap(&play()?, |changed| changed > 0)?;
    ensure!(guest.boot()? == boot + 1, "the playbook's reboot was none, or several");
    let again = play()?;
    recap(&again, |changed| changed == 0).with_context(|| format!("the second time something changed:\n{again}"))?;
    ensure!(guest.boot()? == boot + 1, "the second time there was a reboot");
    Ok(())
}

/// Ansible's last word: "leased : ok=27 changed=18 unreachable=0 failed=0 …".
fn recap(said: &str, is_wanted: impl Fn(u32) -> bool) -> Result<()> {
    let line = said.lines().rfind(|line| line.starts_with("leased ") && line.contains("changed=")).context("no recap")?;
    let changed = line.split_whitespace().find_map(|word| word.strip_prefix("changed=")?.parse().ok()).context("no count of changes")?;
    println!("  {line}");
    if is_wanted(changed) { Ok(()) } else { bail!("{changed} changes") }
}
