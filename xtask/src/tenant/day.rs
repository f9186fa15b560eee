//! The day: what somebody types who has leased a root server, in ssh sessions as it comes, and what has to come of it.
//!
//! ```text
//!   morning: arrives ▸ users ▸ errands ▸ settings ▸ web ▸ database ▸ logs ▸ upgrades ▸ refusals     reboot     evening: all of it is still so
//! ```
//!
//! A part ends at its first command that fails, and the day goes on: what else is wrong is worth knowing too.

use std::time::Instant;

use anyhow::{Result, bail};

use super::guest::Guest;
use super::{INSTALLED, UPGRADED};
use crate::run;

/// What every script begins with.
///
/// `want PATTERN COMMAND…` is a command that ends well and says what fits; `refused PATTERN COMMAND…` one that ends badly, for the reason
/// that fits; `within COMMAND…` one that ends well sooner or later.
const PRELUDE: &str = r#"
fault() { printf '%s\n' "$@"; return 1; }
want() {
    local pattern=$1 heard; shift
    heard=$("$@" 2>&1) || fault "$* ended with $?:" "$heard" || return
    grep -Eq -- "$pattern" <<< "$heard" || fault "$* says nothing like $pattern:" "$heard"
}
refused() {
    local pattern=$1 heard; shift
    if heard=$("$@" 2>&1); then fault "$* went well:" "$heard"; return; fi
    grep -Eq -- "$pattern" <<< "$heard" || fault "$* says nothing like $pattern:" "$heard"
}
within() {
    local heard
    for _ in $(seq 900); do heard=$("$@" 2>&1) && return; sleep 0.2; done
    fault "$* still fails:" "$heard"
}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
trap 'echo "line $LINENO: $BASH_COMMAND"' ERR
"#;

/// Before anything is installed: a server that was just handed over.
const ARRIVES: &str = r"
want '^leased$' hostname
want '^leased$' hostname -f
want 'leased' getent hosts leased
want '^root L ' passwd -S root
want '^running$' systemctl is-system-running --wait
want '^[0-9a-f]{32}$' cat /etc/machine-id
want 'inet 10\.' ip -4 addr show eth0
want ' 0% packet loss' ping -c1 -W60 $(ip -4 route show default | cut -d' ' -f3)
want '^Mem:' free -m
want '/$' df -h /
want ' 1 root ' top -b -n1
want 'ED25519' ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
";

const INSTALLS: &str = r#"
apt-get -qq -y --no-download --no-install-recommends install $INSTALLED > /tmp/apt.log 2>&1 || { cat /tmp/apt.log; false; }
for unit in nginx php8.2-fpm postgresql postgresql@15-main atd cron; do within systemctl is-active $unit; done
want 'Active: active \(running\)' service nginx status
want 'started nginx|Started nginx' journalctl --no-pager -u nginx -n 5
"#;

const USERS: &str = r#"
adduser --quiet --disabled-password --gecos Ada ada
printf 'ada:%s\n' "$(head -c 12 /dev/urandom | base64)" | chpasswd
want '^ada P ' passwd -S ada
adduser --quiet ada sudo
echo 'ada ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/ada
chmod 440 /etc/sudoers.d/ada
want 'sudoers.d/ada: parsed OK' visudo -c
install -d -o ada -g ada -m 700 ~ada/.ssh
install -o ada -g ada -m 600 /dev/stdin ~ada/.ssh/authorized_keys <<< "$ADA"
want '^/home/ada$' su - ada -c pwd
"#;

const ADA: &str = r#"
want '^uid=1000\(ada\) .*27\(sudo\)' id
want '^0$' sudo -n id -u
want '^/root$' sudo -n -i pwd
refused 'Permission denied' cat /etc/shadow
refused 'denied|Access|interactive|must be|not permitted' systemctl restart nginx
want '^active$' systemctl is-active nginx
sudo -n systemctl restart nginx
tmux new-session -d -s work 'sleep 100000'
# cron looks at the time of the file, in whole seconds, to see whether it was edited.
printf '#!/bin/sh\necho "* * * * * date > ~/cron-ran" > "$1" && touch -d tomorrow "$1"\n' > editor
chmod +x editor
EDITOR=~/editor crontab -e 2> /dev/null
want 'cron-ran' crontab -l
echo 'id -un > $HOME/at-ran' | at now 2> /dev/null
within test -s at-ran
want '^ada$' cat at-ran
logger -t stranger 'a word in the morning'
"#;

/// What a session left running is there in the next; the terminal shows in utmp and wtmp.
const TERMINAL: &str = r#"
want '^work: 1 windows' tmux ls
want '^ada +pts/' who
want '^ada +pts/[0-9]+ .*still logged in' last
"#;

const SETTINGS: &str = r#"
ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime
dpkg-reconfigure -f noninteractive tzdata 2> /dev/null
want '^Europe/Berlin$' cat /etc/timezone
sed -i 's/^# \(de_DE.UTF-8\)/\1/' /etc/locale.gen
locale-gen > /dev/null
update-locale LANG=de_DE.UTF-8
echo shop.example > /etc/hostname
printf 'net.ipv4.ip_forward = 1\nnet.core.somaxconn = 1024\nkernel.panic = 10\n' > /etc/sysctl.d/50-shop.conf
printf 'UUID=0-1 none swap sw 0 0\ntmpfs /scratch tmpfs size=8m,mode=1777 0 0\n/srv/shop /home/ada/shop none bind\n' >> /etc/fstab
mkdir -p /etc/modules-load.d && echo dummy > /etc/modules-load.d/shop.conf
printf '#!/bin/sh\ndate > /run/rc-local-ran\n' > /etc/rc.local && chmod +x /etc/rc.local
"#;

/// A site with PHP behind it, and one with a program of the tenant's own, by a unit of the tenant's own.
const WEB: &str = r#"
mkdir -p /srv/shop
echo '<?php printf("%s by %s as %s", strrev("olleh"), PHP_SAPI, posix_getpwuid(posix_geteuid())["name"]);' > /srv/shop/index.php
cat > /srv/shop/app.py <<'PY'
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"%s from uid %d" % (os.environ["GREETING"].encode(), os.getuid()))
http.server.HTTPServer(("127.0.0.1", 8000), Answer).serve_forever()
PY
cat > /etc/systemd/system/app.service <<'UNIT'
[Unit]
Description=The shop's back office
After=network-online.target
[Service]
User=ada
Environment=GREETING=ahoy PYTHONUNBUFFERED=1
ExecStart=/usr/bin/python3 /srv/shop/app.py
Restart=on-failure
[Install]
WantedBy=multi-user.target
UNIT
cat > /etc/nginx/sites-available/shop <<'NGINX'
server {
    listen 80 default_server;
    root /srv/shop;
    index index.php;
    location ~ \.php$ { include snippets/fastcgi-php.conf; fastcgi_pass unix:/run/php/php-fpm.sock; }
    location /app { proxy_pass http://127.0.0.1:8000; }
}
NGINX
rm /etc/nginx/sites-enabled/default
ln -s ../sites-available/shop /etc/nginx/sites-enabled/
nginx -t -q
systemctl daemon-reload
want 'Created symlink' systemctl enable --now app
systemctl reload nginx
within curl -fsS -o /dev/null http://127.0.0.1/app
want '^hello by fpm-fcgi as www-data$' curl -fsS http://localhost/
"#;

const DATABASE: &str = r#"
cd /tmp
su postgres -c 'createuser shop && createdb -O shop shop'
su postgres -c 'psql -q shop' <<'SQL'
create table orders (id serial primary key, what text not null);
insert into orders (what) select 'thing ' || n from generate_series(1, 1000) n;
SQL
su postgres -c 'pg_dump -Fc shop' > /root/shop.dump
su postgres -c 'dropdb shop && createdb -O shop shop && pg_restore -d shop' < /root/shop.dump
want '^1000$' su postgres -c "psql -Atc 'select count(*) from orders' shop"
"#;

const LOGS: &str = r#"
want 'a word in the morning' journalctl --no-pager -t stranger -o cat
want 'a word in the morning' grep stranger /var/log/syslog
logrotate -f /etc/logrotate.conf
want 'GET /app' cat /var/log/nginx/access.log.1
want 'a word in the morning' cat /var/log/syslog.1
curl -fsS -o /dev/null http://localhost/
within grep -q 'GET / ' /var/log/nginx/access.log
logger -t stranger 'a word after the rotation'
within grep -q 'after the rotation' /var/log/syslog
for timer in apt-daily apt-daily-upgrade logrotate dpkg-db-backup phpsessionclean; do
    want "$timer.timer +$timer.service" systemctl list-timers
done
systemctl start logrotate
want '^Result=success$' systemctl show -p Result logrotate
"#;

/// Packages of services with a later version, as the distribution would bring them: what they are made of is what is installed.
const UPGRADES: &str = r#"
mkdir -p /srv/depot && cd /srv/depot
later() {
    dpkg-deb -R /var/cache/apt/archives/$1_*.deb tree
    sed -i 's/^Version: .*/&+tenant1/' tree/DEBIAN/control
    dpkg-deb -Znone -b tree . > /dev/null && rm -r tree
}
for package in $UPGRADED nginx; do later $package; done
for version in 1.0 1.1; do
    mkdir -p tree/DEBIAN tree/usr/share/house
    printf 'Package: house\nVersion: %s\nArchitecture: all\nMaintainer: the house <root@localhost>\nDescription: of the house\n' $version > tree/DEBIAN/control
    echo $version > tree/usr/share/house/version
    dpkg-deb -b tree . > /dev/null && rm -r tree
done
for deb in *.deb; do
    dpkg-deb -f $deb; printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' $deb $(stat -c %s $deb) $(sha256sum < $deb | cut -d' ' -f1)
done > Packages
echo 'deb [trusted=yes] file:/srv/depot ./' > /etc/apt/sources.list.d/depot.list
apt-get -qq update -o Dir::Etc::sourcelist=sources.list.d/depot.list -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0
apt-get -qq -y install house=1.0 > /dev/null
want '^1.0$' cat /usr/share/house/version
main() { systemctl show -p MainPID --value $1; }
ssh=$(main ssh) nginx=$(main nginx)
apt-get -y full-upgrade > /tmp/apt.log 2>&1 || { cat /tmp/apt.log; false; }
want '^1.1$' cat /usr/share/house/version
want 'tenant1$' dpkg-query -W nginx openssh-server
for unit in ssh nginx; do within systemctl is-active $unit; done
# Both postinsts had the daemon replaced, and this session outlived it.
[ "$(main ssh)" != "$ssh" ] && [ "$(main nginx)" != "$nginx" ]
want '^running$' systemctl is-system-running
within curl -fsS -o /dev/null http://localhost/
"#;

/// What a guest cannot have is refused in words, and nothing comes of it.
const REFUSALS: &str = r#"
head -c 1M /dev/zero > /tmp/image
chmod 600 /tmp/image
mkswap /tmp/image > /dev/null
refused 'not permitted|denied' dmesg
refused 'not permitted|denied|failed' mount -o loop /tmp/image /mnt
refused 'not permitted|denied' swapon /tmp/image
refused 'denied' sysctl -w kernel.panic=3
want 'net.ipv4.ip_forward = 1' sysctl -w net.ipv4.ip_forward=1
refused 'could not be found|not found' systemctl start no-such-thing
systemctl restart ssh
want '^active$' systemctl is-active ssh
within test -s ~ada/cron-ran
"#;

/// As it was left, and as it was before.
const EVENING: &str = r#"
want '^running$' systemctl is-system-running --wait
for unit in nginx php8.2-fpm postgresql@15-main atd cron app ssh rsyslog; do within systemctl is-active $unit; done
want '^shop.example$' hostname
want ' CET ' date
want '^LANG=de_DE.UTF-8' env -u LC_ALL locale
want ' CET' systemctl show -p ActiveEnterTimestamp nginx
want ' CET .*logrotate.timer' systemctl list-timers
want '= 1$' sysctl net.ipv4.ip_forward
want '= 1024$' sysctl net.core.somaxconn
want "host's.* kernel.panic" journalctl --no-pager -b -u setup-sysctl -o cat
want '^tmpfs .*size=8192k' findmnt -n -o SOURCE,OPTIONS /scratch
test -s /home/ada/shop/index.php
want '^active$' systemctl is-active rc-local
test -s /run/rc-local-ran
want '^1000$' su postgres -c "psql -Atc 'select count(*) from orders' shop"
# The rotation took the morning's accounts along.
want '^ada +pts/[0-9]+ .* - ' last -f /var/log/wtmp.1
want 'system boot' last -f /var/log/wtmp.1
want 'system boot .*still running' last reboot
want '^ada .*pts/' lastlog -u ada
[ "$(journalctl --no-pager --list-boots | grep -Ec '^ *(-1|0) ')" = 2 ]
want 'a word after the rotation' journalctl --no-pager -b -1 -t stranger -o cat
want 'fief-init' journalctl --no-pager -b -1 -u nginx
[ -z "$(journalctl --no-pager -q -b 0 -t stranger -o cat | grep 'a word')" ]
want 'Main PID: [0-9]+ \(nginx\)' systemctl status nginx
test ! -e /tmp/image
"#;

/// One ssh session.
struct Part {
    name: &'static str,
    user: &'static str,
    /// Whether at a terminal.
    terminal: bool,
    script: &'static str,
}

const fn part(name: &'static str, user: &'static str, script: &'static str) -> Part {
    Part { name, user, terminal: false, script }
}

static MORNING: [Part; 11] = [
    part("arrives", "root", ARRIVES),
    part("installs", "root", INSTALLS),
    part("users", "root", USERS),
    part("errands", "ada", ADA),
    Part { terminal: true, ..part("terminal", "ada", TERMINAL) },
    part("settings", "root", SETTINGS),
    part("web", "root", WEB),
    part("database", "root", DATABASE),
    part("logs", "root", LOGS),
    part("upgrades", "root", UPGRADES),
    part("refusals", "root", REFUSALS),
];

/// Lives it.
pub(super) fn live(guest: &Guest) -> Result<()> {
    let before = format!("{PRELUDE}\nINSTALLED='{}' UPGRADED='{}' ADA='{}'", INSTALLED.join(" "), UPGRADED.join(" "), guest.public("ada")?);
    let mut faults = Vec::new();
    let mut live = |part: &Part| {
        let begun = Instant::now();
        let outcome = guest.says(part.user, part.terminal, &format!("{before}\n{}", part.script));
        println!("{:10} {:>4} s  {}", part.name, begun.elapsed().as_secs(), if outcome.is_ok() { "well" } else { "BADLY" });
        if let Err(said) = outcome {
            println!("{said}");
            faults.push(part.name);
        }
    };
    MORNING.iter().for_each(&mut live);
    let boot = guest.boot()?;
    // The session ends with the machine, in whatever way.
    drop(guest.says("root", false, "reboot"));
    guest.wait("it has rebooted", |guest| if guest.boot()? > boot { Ok(()) } else { bail!("boot {boot}") })?;
    guest.wait("sshd lets the tenant in again", |guest| guest.says("root", false, "true").map(drop))?;
    live(&part("evening", "root", EVENING));
    // From outside, as customers see it.
    let page = run::output(run::command(["curl", "-fsS", "--max-time", "60"]).arg(format!("http://{}/app", guest.address())))?;
    if page != "ahoy from uid 1000" {
        bail!("the shop's back office says {page:?}");
    }
    if faults.is_empty() { Ok(()) } else { bail!("went badly: {}", faults.join(", ")) }
}
