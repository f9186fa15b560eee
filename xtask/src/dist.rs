//! `cargo xtask dist`: what is given to others.
//!
//! ```text
//!   target/dist/fief, fief-init                 the host's two programs
//!   target/dist/fief-guest_VERSION_ARCH.deb     what a Debian or Ubuntu guest has in the place of systemd
//! ```
//!
//! The package is made of `init/debian/` and the table of names in `units::programs`. The same programs make the same bytes:
//! times are those of the commit, and dpkg-deb(1) packs in order. Test: `one_program_makes_one_package`.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use units::programs::{PROGRAMS, is_ours};

use crate::build::{self, Profile};
use crate::{apt, place, run};

/// Which systemd the package stands for: the one whose manners ours are held against, as bookworm has it.
const SYSTEMD: &str = "252.39-1~deb12u2";
/// What it stands for, and so cannot be installed beside.
const IN_THE_PLACE_OF: [&str; 6] = ["systemd", "systemd-sysv", "libpam-systemd", "libnss-systemd", "default-logind", "logind"];
/// Programs that Debian also has in packages of their own. By its program's name alone a package of other manners would be chosen.
const STANDALONE: [(&str, &str); 2] =
    [("systemd-sysusers", "systemd-standalone-sysusers"), ("systemd-tmpfiles", "systemd-standalone-tmpfiles")];
/// Where the program lies in a guest that has the package.
const HOME: &str = "usr/lib/fief/fief-init";
/// Directories that package systemd owns, and others put files into.
const FOLDERS: [&str; 4] = ["etc/systemd/system", "etc/sysusers.d", "etc/tmpfiles.d", "usr/lib/systemd/system"];

/// Files of `init/debian/tree` that are run.
const SCRIPTS: [&str; 5] =
    ["etc/cron.hourly/00fief", "etc/cron.daily/00fief", "etc/cron.weekly/00fief", "etc/cron.monthly/00fief", "usr/lib/fief/cron-spread"];

/// `cargo xtask dist [--debug]`
pub(crate) fn perform(args: &[String]) -> Result<ExitCode> {
    let profile = if args.iter().any(|arg| arg == "--debug") { Profile::Debug } else { Profile::Release };
    let built = build::programs(profile)?;
    let dist = place::below_target("dist")?;
    let mut made = vec![package(&built.init(), &dist)?];
    for program in [built.fief(), built.init()] {
        let copy = dist.join(program.file_name().context("a program without a name")?);
        fs::copy(&program, &copy).with_context(|| format!("cannot copy {}", program.display()))?;
        made.push(copy);
    }
    for path in made {
        println!("{}  {} KiB", path.display(), fs::metadata(&path)?.len() / 1024);
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the package with this `fief-init` in it; where it is.
pub(crate) fn package(init: &Path, into: &Path) -> Result<PathBuf> {
    apt::need(&[apt::FOR_DIST])?;
    let architecture = run::output(&mut run::command(["dpkg", "--print-architecture"]))?.trim().to_owned();
    let name = format!("fief-guest_{}_{architecture}.deb", env!("CARGO_PKG_VERSION"));
    let tree = into.join(".fief-guest");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    lay_out(init, &tree)?;
    let control = control(&architecture, size(&tree)?)?;
    let meta = tree.join("DEBIAN");
    fs::create_dir(&meta)?;
    fs::write(meta.join("control"), control)?;
    copy(&place::repository().join("init/debian/postinst"), &meta.join("postinst"), 0o755)?;
    // What lies in /etc is the tenant's: dpkg asks before it changes what he has changed, and leaves out what he has removed.
    let settings = run::output(run::command(["find", "etc", "-type", "f", "-printf", "/%p\\n"]).current_dir(&tree))?;
    let mut settings: Vec<&str> = settings.lines().collect();
    settings.sort_unstable();
    fs::write(meta.join("conffiles"), settings.iter().map(|path| format!("{path}\n")).collect::<String>())?;
    open_up(&tree)?;

    let (part, deb) = (into.join(format!("{name}.part")), into.join(&name));
    let mut pack = run::command(["dpkg-deb", "--build", "--root-owner-group", "-Zxz"]);
    // Blocks of the archive depend on how many threads pack it.
    pack.arg(&tree).arg(&part).env("DPKG_DEB_THREADS_MAX", "1").env("SOURCE_DATE_EPOCH", commit_time());
    run::quietly(&mut pack).context("cannot make the guest's package")?;
    fs::rename(&part, &deb)?;
    fs::remove_dir_all(&tree)?;
    Ok(deb)
}

/// The package's files, all but those of dpkg's own.
fn lay_out(init: &Path, tree: &Path) -> Result<()> {
    for folder in FOLDERS {
        fs::create_dir_all(tree.join(folder))?;
    }
    run::quietly(run::command(["cp", "-R", "--no-preserve=all"]).arg(place::repository().join("init/debian/tree/.")).arg(tree))?;
    for script in SCRIPTS {
        fs::set_permissions(tree.join(script), fs::Permissions::from_mode(0o755))?;
    }
    copy(init, &tree.join(HOME), 0o755)?;
    for (name, folder) in PROGRAMS {
        let link = tree.join(folder.path()).join(name);
        fs::create_dir_all(tree.join(folder.path()))?;
        // Relative within the top folder and absolute across is what Debian's policy (10.5) asks: this one is within /usr.
        symlink("../lib/fief/fief-init", &link)?;
    }
    let papers = tree.join("usr/share/doc/fief-guest");
    fs::create_dir_all(&papers)?;
    fs::write(papers.join("copyright"), copyright()?)?;
    fs::write(papers.join("changelog"), changelog()?)?;
    run::quietly(run::command(["gzip", "-9n"]).arg(papers.join("changelog")))
}

fn control(architecture: &str, kib: u64) -> Result<String> {
    let list = |items: &[String]| items.join(", ");
    let (ours, theirs): (Vec<_>, Vec<_>) = STANDALONE.iter().partition(|(program, _)| is_ours(program));
    let replaced: Vec<&str> = IN_THE_PLACE_OF.into_iter().chain(ours.iter().map(|(program, _)| *program)).collect();
    let provided = replaced.iter().map(|name| format!("{name} (= {SYSTEMD})"));
    let conflicts = replaced.iter().map(|name| (*name).to_owned());
    let text = fs::read_to_string(place::repository().join("init/debian/control"))?;
    let text = [
        ("@VERSION@", env!("CARGO_PKG_VERSION")),
        ("@ARCHITECTURE@", architecture),
        ("@SIZE@", &kib.to_string()),
        ("@DEPENDS@", &list(&theirs.iter().map(|(program, package)| format!("{package} | {program}")).collect::<Vec<_>>())),
        ("@PROVIDES@", &list(&provided.collect::<Vec<_>>())),
        ("@CONFLICTS@", &list(&conflicts.collect::<Vec<_>>())),
    ]
    .iter()
    .fold(text, |text, (mark, value)| text.replace(mark, value));
    // Without dependencies there is no such line.
    Ok(text.lines().filter(|line| *line != "Depends: ").fold(String::new(), |text, line| text + line + "\n"))
}

/// Debian's machine-readable form, with the shorter of the two licences in full.
fn copyright() -> Result<String> {
    let licence = fs::read_to_string(place::repository().join("LICENSE-MIT"))?;
    let body = licence.lines().skip_while(|line| !line.starts_with("Permission")).fold(String::new(), |mut text, line| {
        let _ = writeln!(text, " {}", if line.is_empty() { "." } else { line });
        text
    });
    let owner = licence.lines().find(|line| line.starts_with("Copyright")).unwrap_or("Copyright the fief authors");
    Ok(format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: fief\n\nFiles: *\n\
         Copyright: {}\nLicense: MIT or Apache-2.0\n\nLicense: MIT\n{body}\nLicense: Apache-2.0\n \
         See /usr/share/common-licenses/Apache-2.0.\n",
        owner.trim_start_matches("Copyright").trim()
    ))
}

/// Debian's form of the last version's part of CHANGELOG.md.
fn changelog() -> Result<String> {
    let text = fs::read_to_string(place::repository().join("CHANGELOG.md"))?;
    let version = text.lines().skip_while(|line| !line.starts_with("## ")).skip(1).take_while(|line| !line.starts_with("## "));
    let items = version.filter(|line| !line.trim().is_empty()).fold(String::new(), |mut items, line| {
        let _ = match line.strip_prefix("- ") {
            Some(first) => writeln!(items, "  * {first}"),
            None => writeln!(items, "    {}", line.trim()),
        };
        items
    });
    let date = run::output(run::command(["date", "--utc", "-R"]).arg(format!("--date=@{}", commit_time())))?;
    Ok(format!(
        "fief-guest ({}) unstable; urgency=medium\n\n{items}\n -- fief maintainers <fief@localhost>  {}\n",
        env!("CARGO_PKG_VERSION"),
        date.trim()
    ))
}

/// When the commit was made that is checked out, in seconds; the beginning of time outside a repository.
fn commit_time() -> String {
    let log = run::output(&mut run::command(["git", "log", "-1", "--format=%ct"]));
    log.ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).unwrap_or_else(|| "0".to_owned())
}

/// KiB of the files, as Installed-Size wants them.
fn size(tree: &Path) -> Result<u64> {
    let said = run::output(run::command(["du", "-sk", "--apparent-size"]).arg(tree))?;
    said.split_whitespace().next().and_then(|number| number.parse().ok()).context("du said no number")
}

/// Whatever the umask is here: folders and files may be read by everybody, programs run.
fn open_up(tree: &Path) -> Result<()> {
    run::quietly(run::command(["chmod", "-R", "u=rwX,go=rX"]).arg(tree))
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn made(name: &str) -> (PathBuf, PathBuf) {
        let folder = place::below_target("dist-test").unwrap().join(name);
        fs::create_dir_all(&folder).unwrap();
        let init = folder.join("init");
        fs::write(&init, "a program").unwrap();
        (package(&init, &folder).unwrap(), folder)
    }

    fn said(words: &[&str], deb: &Path) -> String {
        run::output(run::command(words).arg(deb)).unwrap()
    }

    #[test]
    fn one_program_makes_one_package() {
        let ((one, here), (other, there)) = (made("one"), made("other"));
        assert_eq!(fs::read(one).unwrap(), fs::read(other).unwrap());
        fs::remove_dir_all(here).unwrap();
        fs::remove_dir_all(there).unwrap();
    }

    #[test]
    fn the_package_has_every_name_and_stands_for_systemd() {
        let (deb, folder) = made("names");
        let list = said(&["dpkg-deb", "--contents"], &deb);
        for (name, place) in PROGRAMS {
            let line = format!(" ./{}/{name} -> ../lib/fief/fief-init", place.path());
            assert!(list.lines().any(|row| row.starts_with("lrwxrwxrwx root/root") && row.ends_with(&line)), "{name}: {list}");
        }
        let program = list.lines().find(|row| row.ends_with(" ./usr/lib/fief/fief-init")).unwrap();
        assert!(program.starts_with("-rwxr-xr-x root/root"), "{program}");
        for script in SCRIPTS {
            let row = list.lines().find(|row| row.ends_with(&format!(" ./{script}"))).unwrap();
            assert!(row.starts_with("-rwxr-xr-x root/root"), "{row}");
        }
        let settings = said(&["dpkg-deb", "-I"], &deb);
        assert!(settings.contains(" conffiles"), "{settings}");
        let fields = said(&["dpkg-deb", "--field"], &deb);
        for name in IN_THE_PLACE_OF {
            assert!(fields.contains(&format!("{name} (= {SYSTEMD})")), "{name}: {fields}");
        }
        assert!(!fields.contains('@') || fields.contains("@localhost"), "{fields}");
        assert!(fields.contains("\nProtected: yes\n") && fields.contains("\nConflicts: systemd, "), "{fields}");
        fs::remove_dir_all(folder).unwrap();
    }
}
