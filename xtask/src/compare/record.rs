//! The real thing: a Debian tree with many servers, systemd as PID 1 in it, and what it says.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::answers;
use crate::site::Site;
use crate::{place, run, template};

const GUEST: &str = "compare";
const TEMPLATE: &str = "debian:compare";

/// Servers of the distribution, as many as can be installed together without starting one.
pub(crate) const PACKAGES: &str = "systemd,systemd-sysv,dbus,nginx-light,apache2,postgresql,mariadb-server,redis-server,memcached,\
postfix,dovecot-imapd,bind9,unbound,openssh-server,cron,rsyslog,chrony,haproxy,varnish,squid,php-fpm,vsftpd,samba,nfs-kernel-server,rpcbind,\
openvpn,wireguard-tools,strongswan-starter,dnsmasq,isc-dhcp-server,snmpd,prometheus-node-exporter,mosquitto,tor,docker.io,containerd,lxc,\
libvirt-daemon-system,cups-daemon,avahi-daemon,fail2ban,monit,supervisor,slapd,freeradius,icecast2,transmission-daemon,syncthing,etcd-server,\
zabbix-agent,collectd-core,munin-node,smartmontools,mdadm,opendkim,spamd,clamav-daemon,clamav-freshclam,stunnel4,keepalived,lighttpd,nsd,knot,\
uwsgi-emperor,sssd,nslcd,nscd,at,anacron,logrotate,certbot,unattended-upgrades,radvd,frr,pdns-server,tinyproxy,privoxy,rabbitmq-server,\
beanstalkd,gpsd,lvm2,open-iscsi,multipath-tools,udisks2,polkitd,man-db,e2fsprogs,sysstat,acct,auditd,ulogd2,nftables,ufw";

/// What the tree boots into, so that none of the servers is started: nothing.
const IDLE: &str = "[Unit]\nDescription=Nothing but the manager\nDefaultDependencies=no\n";

/// Run inside, by the guest's root. Ends with the record as a tar on its standard output.
///
/// A unit that nothing refers to is forgotten at once, and with it what it says of others: all are named by one target. A
/// template is asked for by an instance whose name has to be unescaped.
const SCRIPT: &str = r#"
set -eu
export LC_ALL=C.UTF-8 SYSTEMD_PAGER= SYSTEMD_COLORS=0
exec 3>&1 >/dev/null
tries=0
until systemctl show --property=Version; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ]
    sleep 0.1
done 2>/dev/null
systemctl is-system-running --wait || true
mkdir -p /tmp/record/tree /run/systemd/system
cd /tmp/record
systemctl --version | head -1 > version
dpkg-query -W -f '${Package} ${Version}\n' > packages
. /etc/os-release
{
    echo "a $(systemctl show --property=Architecture --value)"
    echo "b $(tr -d - < /proc/sys/kernel/random/boot_id)"
    echo "m $(cat /etc/machine-id)"
    echo "v $(uname -r)"
    for letter in H l q; do echo "$letter $(uname -n)"; done
    echo "o ${ID-}"; echo "w ${VERSION_ID-}"; echo "B ${BUILD_ID-}"; echo "W ${VARIANT_ID-}"; echo "M ${IMAGE_ID-}"; echo "A ${IMAGE_VERSION-}"
} > facts
for folder in $(systemctl show --property=UnitPath --value); do
    [ -d "$folder" ] && echo "$folder"
done > folders || true
xargs tar -cf - < folders 2>/dev/null | tar -xf - -C tree
systemctl list-unit-files --all --no-legend --full | awk '{print $1, $2}' > files
kinds='\.(service|socket|timer|path|target|mount|slice)$'
awk '{print $1}' files | grep -E "$kinds" | sed -E 's/@\./@a-b\\x2dc./' > asked
{ echo '[Unit]'; echo 'DefaultDependencies=no'; sed 's/^/After=/' asked; } > /run/systemd/system/fief-compare.target
rm /etc/systemd/system/fief-compare.target
systemctl daemon-reload
systemctl start fief-compare.target
systemctl list-units --all --full --plain --no-legend | awk '$2 != "not-found" {print $1}' | grep -E "$kinds" > loaded
sort -u asked loaded > names
xargs -d '\n' systemctl show --all -- < names > show
"#;

const END: &str = "\ntar -C /tmp/record -cf - . >&3\n";

/// What systemd said.
pub(crate) struct Record {
    dir: PathBuf,
    /// By unit, its properties, each with its values.
    pub(crate) shown: BTreeMap<String, Properties>,
}

pub(crate) type Properties = BTreeMap<String, Vec<String>>;

impl Record {
    /// Boots the tree and asks.
    pub(crate) fn make(site: &Site) -> Result<Self> {
        let tar = template::tar_with(PACKAGES)?;
        run::quietly(site.fief(&["template", "import", TEMPLATE]).arg(&tar))?;
        let root = site.path(&format!("/var/lib/fief/templates/{TEMPLATE}/rootfs"));
        super::give_names_back(site, &root)?;
        run::quietly(run::command(["cp", "-rP"]).arg(answers::ours::own_tree().join(".")).arg(&root))?;
        let units = root.join("etc/systemd/system");
        fs::write(units.join("fief-compare.target"), IDLE)?;
        std::os::unix::fs::symlink("fief-compare.target", units.join("default.target"))?;
        let create = ["create", GUEST, "--template", TEMPLATE, "--init", "/lib/systemd/systemd", "--network", "none"];
        run::quietly(&mut site.fief(&create))?;
        run::quietly(&mut site.fief(&["start", GUEST]))?;
        println!("asking systemd");
        let mut exec = site.fief(&["exec", GUEST, "--", "sh", "-s"]);
        let mut child = exec.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot run fief exec")?;
        let mut input = child.stdin.take().context("no standard input")?;
        let script = [SCRIPT, &answers::questions()?, END].concat();
        // It reads while it writes nothing: all of the record comes last.
        let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "the guest's script failed with {}", output.status);
        writer.join().ok().context("the script could not be written")??;
        let dir = place::below_target("compare")?.join("record");
        if dir.is_dir() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(&dir)?;
        let archive = dir.with_extension("tar");
        fs::write(&archive, &output.stdout)?;
        run::quietly(run::command(["tar", "--no-same-owner", "-xf"]).arg(&archive).arg("-C").arg(&dir))?;
        fs::remove_file(&archive)?;
        run::quietly(&mut site.fief(&["stop", GUEST]))?;
        Self::read(dir)
    }

    /// What was recorded last.
    pub(crate) fn last() -> Result<Self> {
        Self::read(place::below_target("compare")?.join("record"))
    }

    fn read(dir: PathBuf) -> Result<Self> {
        let mut record = Self { dir, shown: BTreeMap::new() };
        for block in record.text("show")?.split("\n\n") {
            let mut properties = Properties::new();
            for (name, value) in block.lines().filter_map(|line| line.split_once('=')) {
                properties.entry(name.to_owned()).or_default().push(value.to_owned());
            }
            if let Some(id) = properties.get("Id").and_then(|values| values.first()).cloned() {
                record.shown.insert(id, properties);
            }
        }
        Ok(record)
    }

    /// A file of the record.
    pub(crate) fn text(&self, name: &str) -> Result<String> {
        let path = self.dir.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}: run `cargo xtask compare` first", path.display()))
    }

    /// The first words of the lines of a file of the record.
    pub(crate) fn words(&self, name: &str) -> Result<Vec<String>> {
        Ok(self.text(name)?.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
    }

    /// A path of the record.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Where the guest's unit files lie.
    pub(crate) fn tree(&self) -> PathBuf {
        self.dir.join("tree")
    }
}
