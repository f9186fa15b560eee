//! The packages, and what shows that each does its work. Data; the steps are in [`super::course`].

use crate::larder::Wish;

/// A service that takes longer to stop was killed at its time limit, or nearly; seconds.
pub(super) const IN_TIME: u64 = 20;

/// One package.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// Units that are active after the install where systemd is PID 1.
    pub(super) units: &'static [&'static str],
    /// What the probe asks with.
    pub(super) with: &'static [&'static str],
    /// What the name stands for, and is purged with it.
    pub(super) also: &'static [&'static str],
    /// A script that ends with 0 once the service has answered; tried again for half a minute. Empty: nothing to ask.
    pub(super) probe: &'static str,
    /// What a reader of the table should know.
    pub(super) remark: &'static str,
    /// Started by hand after the install: deb-systemd-invoke starts no static unit, under systemd neither.
    pub(super) by_hand: &'static str,
    /// A socket that starts it again as soon as somebody writes to it, where there is one: stopped with it.
    pub(super) woken_by: &'static str,
    /// Its package enables no unit, so no boot starts it: it is started by hand then.
    pub(super) is_not_enabled: bool,
    /// It is still running when it has been purged: its package has nothing that would stop it.
    pub(super) is_left_running: bool,
    /// How long it may take to stop, seconds.
    pub(super) in_time: u64,
}

const fn row(name: &'static str, units: &'static [&'static str], probe: &'static str) -> Row {
    Row {
        name,
        units,
        with: &[],
        also: &[],
        probe,
        remark: "",
        by_hand: "",
        woken_by: "",
        is_not_enabled: false,
        is_left_running: false,
        in_time: IN_TIME,
    }
}

impl Row {
    /// What apt fetches for it: the package with what it recommends, and the tools.
    pub(super) fn wishes(&self) -> impl Iterator<Item = Wish<'static>> {
        let tools = (!self.with.is_empty()).then(|| [&["--no-install-recommends"], self.with].concat());
        [vec![self.name]].into_iter().chain(tools)
    }

    const fn with(self, with: &'static [&'static str]) -> Self {
        Self { with, ..self }
    }

    const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    const fn by_hand(self, by_hand: &'static str) -> Self {
        Self { by_hand, ..self }
    }

    const fn woken_by(self, woken_by: &'static str) -> Self {
        Self { woken_by, ..self }
    }

    const fn not_enabled(self) -> Self {
        Self { is_not_enabled: true, ..self }
    }

    const fn left_running(self) -> Self {
        Self { is_left_running: true, ..self }
    }

    const fn in_time(self, in_time: u64) -> Self {
        Self { in_time, ..self }
    }

    const fn remark(self, remark: &'static str) -> Self {
        Self { remark, ..self }
    }
}

/// What every script in a guest begins with.
///
/// `ctl` is the service manager's tool. `says WHERE SEND PATTERN` sends to a port or a socket and waits until what comes back fits the
/// pattern; `\r`, `\n` and `\xNN` stand for bytes.
pub(super) const PRELUDE: &str = r#"
export LC_ALL=C.UTF-8
ctl() { if command -v systemctl > /dev/null; then systemctl "$@"; else fiefctl "$@"; fi; }
says() { perl -MIO::Socket::INET -MIO::Socket::UNIX -e '
    my ($where, $send, $pattern) = @ARGV;
    alarm 20;
    $send =~ s/\\x(..)/chr hex $1/ge; $send =~ s/\\r/\r/g; $send =~ s/\\n/\n/g;
    my $peer = $where =~ m{/} ? IO::Socket::UNIX->new(Peer => $where) : IO::Socket::INET->new("127.0.0.1:$where");
    $peer or die "$where: $!\n";
    syswrite $peer, $send if length $send;
    my $said = "";
    until ($said =~ /(?:$pattern)/s) { sysread $peer, $said, 4096, length $said or die "$where said: $said\n" }
' "$@"; }
web() { curl -sS --max-time 20 "$@"; }
"#;

const DIG: &[&str] = &["bind9-dnsutils"];
const NOT_ENABLED: &str = "its package enables no unit: by hand after a boot, under systemd too";
const NOT_STOPPED: &str = "its package does not stop it when it is removed";
const NO_CLOCK: &str = "not started in a container without CAP_SYS_TIME, by systemd neither (ConditionCapability)";
/// Header, length, key: Zabbix's protocol between server and agent.
const ZABBIX: &str = "says 10050 'ZBXD\\x01\\x0a\\x00\\x00\\x00\\x00\\x00\\x00\\x00agent.ping' '^ZBXD.*1$'";
const LOCALHOST: &str = "test \"$(dig +short +tries=1 @127.0.0.1 localhost A)\" = 127.0.0.1";
const REFUSED: &str = "dig +tries=1 @127.0.0.1 example.org A | grep -q 'status: REFUSED'";

/// All of them, in the order of the document.
pub(super) static ROWS: &[Row] = &[
    row("openssh-server", &["ssh"], "says 22 '' '^SSH-2.0'"),
    row("nginx", &["nginx"], "web http://127.0.0.1/ | grep -q nginx"),
    row("apache2", &["apache2"], "web http://127.0.0.1/ | grep -q Apache"),
    row("postgresql", &["postgresql", "postgresql@15-main"], "su postgres -c \"psql -Atc 'select 6*7'\" | grep -qx 42").also(&["postgresql-15"]),
    row("mariadb-server", &["mariadb"], "mariadb -Ne 'select 6*7' | grep -qx 42"),
    row("redis-server", &["redis-server"], "redis-cli ping | grep -qx PONG"),
    row("memcached", &["memcached"], "says 11211 'version\\r\\n' VERSION"),
    row("cron", &["cron"], "echo '* * * * * root touch /run/cron-ran' > /etc/cron.d/probe; rm -f /run/cron-ran; for i in $(seq 150); do [ -e /run/cron-ran ] && exit; sleep 1; done; exit 1"),
    row("rsyslog", &["rsyslog"], "mark=$RANDOM$RANDOM; logger probe-$mark; sleep 0.5; grep -q probe-$mark /var/log/syslog").woken_by("syslog.socket"),
    row("postfix", &["postfix", "postfix@-"], "says 25 '' '^220 .*ESMTP'"),
    row("exim4-daemon-light", &["exim4"], "says 25 '' '^220 .*Exim'"),
    row("dovecot-imapd", &["dovecot"], "says 143 '' '^\\* OK'"),
    row("bind9", &["named"], LOCALHOST).with(DIG),
    row("unbound", &["unbound"], LOCALHOST).with(DIG),
    row("dns-root-data", &[], "test -s /usr/share/dns/root.hints").remark("data only"),
    row("dnsmasq", &["dnsmasq"], LOCALHOST).with(DIG),
    row("chrony", &[], "").remark(NO_CLOCK),
    row("ntpsec", &[], "").remark(NO_CLOCK),
    row("haproxy", &["haproxy"], "says /run/haproxy/admin.sock 'show info\\n' '^Name: HAProxy'"),
    row("varnish", &["varnish"], "web -I http://127.0.0.1:6081/ | grep -qi varnish"),
    row("squid", &["squid"], "web -I http://127.0.0.1:3128/ | grep -qi squid").in_time(40).remark("waits for its clients 30 s (shutdown_lifetime)"),
    row(
        "php8.2-fpm",
        &["php8.2-fpm"],
        "echo '<?php echo 6*7;' > /srv/x.php; SCRIPT_FILENAME=/srv/x.php REQUEST_METHOD=GET cgi-fcgi -bind -connect /run/php/php8.2-fpm.sock | grep -q 42",
    )
    .with(&["libfcgi-bin"]),
    row("uwsgi", &["uwsgi"], "").remark("no application comes with it"),
    row("docker.io", &["docker", "containerd"], "docker info -f '{{.ServerVersion}}'"),
    row("podman", &["podman.socket"], "web --unix-socket /run/podman/podman.sock http://d/_ping | grep -qx OK"),
    row("fail2ban", &["fail2ban"], "fail2ban-client ping | grep -q pong"),
    row("ufw", &["ufw"], "ufw status | grep -q '^Status'")
        .by_hand("ufw")
        .left_running()
        .remark("its package neither starts nor stops its unit: started by the next boot"),
    row("nftables", &[], "nft add table inet probe && nft list ruleset | grep -q 'table inet probe'").remark("not enabled by the package"),
    row("iptables-persistent", &["netfilter-persistent"], "iptables -S | grep -q -- '-P INPUT'"),
    row("openvpn", &["openvpn"], "").remark("no tunnel is configured"),
    row("wireguard-tools", &[], "wg genkey | wg pubkey | grep -q =").remark("keys only: a tunnel needs the host's module wireguard"),
    row("strongswan", &["strongswan-starter"], "ipsec status | grep -q 'Security Associations'").by_hand("strongswan-starter").remark("its package starts it too early, in vain, under systemd too"),
    row("vsftpd", &["vsftpd"], "says 21 '' '^220 '"),
    row("proftpd-core", &["proftpd"], "says 21 '' '^220 ProFTPD'"),
    row("pure-ftpd", &["pure-ftpd"], "says 21 '' '^220'"),
    row("samba", &["smbd", "nmbd"], "smbclient -NL 127.0.0.1 | grep -q 'IPC'").with(&["smbclient"]),
    row("rpcbind", &["rpcbind"], "rpcinfo -p 127.0.0.1 | grep -q portmapper"),
    row("cups-daemon", &["cups"], "web http://127.0.0.1:631/ | grep -q CUPS"),
    row("avahi-daemon", &["avahi-daemon"], "says /run/avahi-daemon/socket 'HELP\\n' 'Available commands'"),
    row("dbus", &["dbus"], "dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames | grep -q DBus")
        .by_hand("dbus")
        .remark("static: started by the next boot, or by hand"),
    row(
        "polkitd",
        &[],
        "dbus-send --system --print-reply --dest=org.freedesktop.PolicyKit1 /org/freedesktop/PolicyKit1/Authority org.freedesktop.DBus.Properties.Get string:org.freedesktop.PolicyKit1.Authority string:BackendName | grep -q string",
    )
    .by_hand("dbus")
    .remark("started by the bus when it is asked"),
    row("unattended-upgrades", &["unattended-upgrades"], "").left_running().remark(NOT_STOPPED),
    row("logrotate", &["logrotate.timer"], "logrotate --force /etc/logrotate.conf && test -e /var/lib/logrotate/status"),
    row("man-db", &["man-db.timer"], "mandb --quiet"),
    row("rabbitmq-server", &["rabbitmq-server"], "rabbitmq-diagnostics -q ping | grep -q succeeded"),
    row("mosquitto", &["mosquitto"], "mosquitto_pub -r -t probe -m 42 && mosquitto_sub -W 10 -C 1 -t probe | grep -qx 42")
        .with(&["mosquitto-clients"]),
    row("prometheus", &["prometheus"], "web http://127.0.0.1:9090/-/ready | grep -qi ready"),
    row("prometheus-node-exporter", &["prometheus-node-exporter"], "web http://127.0.0.1:9100/metrics | grep -q '^node_'"),
    row("prometheus-alertmanager", &["prometheus-alertmanager"], "web http://127.0.0.1:9093/-/ready | grep -qi ok"),
    row("munin-node", &["munin-node"], "says 4949 '' '^# munin node'"),
    row("nagios-nrpe-server", &["nagios-nrpe-server"], "/usr/lib/nagios/plugins/check_nrpe -H 127.0.0.1 | grep -q NRPE")
        .with(&["nagios-nrpe-plugin"]),
    row("nagios4", &["nagios4"], "web -L http://127.0.0.1/nagios4/ | grep -qi nagios")
        .not_enabled()
        .remark(NOT_ENABLED),
    row("icinga2", &["icinga2"], "").remark("its port and its pipe are off until configured"),
    row("zabbix-agent", &["zabbix-agent"], ZABBIX),
    row("zabbix-agent2", &["zabbix-agent2"], ZABBIX),
    row("monit", &["monit"], "").remark("its web server is off until configured"),
    row("supervisor", &["supervisor"], "supervisorctl version | grep -q '^[0-9]'"),
    row("tomcat10", &["tomcat10"], "web http://127.0.0.1:8080/ | grep -qi tomcat"),
    row("jetty9", &["jetty9"], "web -I http://127.0.0.1:8080/ | grep -qi jetty"),
    row("lighttpd", &["lighttpd"], "web -I http://127.0.0.1/ | grep -qi lighttpd"),
    row("knot", &["knot"], "knotc status | grep -qi running").remark("no zone is configured: its control socket is asked"),
    row("knot-resolver", &["kresd@1"], LOCALHOST)
        .with(DIG)
        .by_hand("kresd@1")
        .not_enabled()
        .remark("which instances there are is for the administrator to say"),
    row("nsd", &["nsd"], REFUSED).with(DIG),
    row("pdns-server", &["pdns"], REFUSED).with(DIG).left_running().remark(NOT_STOPPED),
    row("pdns-backend-bind", &["pdns"], REFUSED).with(&["bind9-dnsutils", "pdns-server"]).left_running().remark("a part of pdns-server's, which stays"),
    row("pdns-recursor", &["pdns-recursor"], LOCALHOST).with(DIG),
    row("dnsdist", &["dnsdist"], "says 53 '\\x00\\x0c\\x12\\x34\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00' '' ")
        .remark("no server behind it is configured: it takes a connection"),
    row("opendkim", &["opendkim"], "says /run/opendkim/opendkim.sock '' ''").remark("takes a connection"),
    row("opendmarc", &["opendmarc"], "says /run/opendmarc/opendmarc.sock '' ''").remark("takes a connection"),
    row("spamd", &["spamd"], "echo hello | spamc | grep -q 'with SpamAssassin'").with(&["spamc"]),
    row("spamassassin", &[], "echo | spamassassin -L | grep -q X-Spam").remark("a program; its timer is off by default"),
    row("clamav-daemon", &[], "").remark("not started until freshclam has brought signatures, by systemd neither (ConditionPathExistsGlob)"),
    row("clamav-freshclam", &["clamav-freshclam"], "").not_enabled().remark(NOT_ENABLED),
    row("rspamd", &["rspamd"], "web http://127.0.0.1:11334/ping | grep -q pong"),
    row("tor", &["tor", "tor@default"], "says 9050 '\\x05\\x01\\x00' '^\\x05\\x00'"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_there_once_and_what_is_not_asked_has_a_reason() {
        for (at, row) in ROWS.iter().enumerate() {
            assert!(ROWS.iter().skip(at + 1).all(|other| other.name != row.name), "{} twice", row.name);
            assert!(!(row.probe.is_empty() || row.units.is_empty()) || !row.remark.is_empty(), "{}: no remark", row.name);
        }
        assert!(ROWS.len() >= 60);
    }
}
