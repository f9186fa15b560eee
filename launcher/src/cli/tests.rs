#![allow(clippy::unwrap_used)]
use super::*;
use clap::CommandFactory as _;

#[test]
fn cli_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn help_lists_every_class() {
    let help = Cli::command().render_help().to_string();
    for class in Class::ALL {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{}  ", class.exit_code()))), "{class:?}");
    }
}

#[test]
fn nonsense_is_refused_before_anything_happens() {
    for words in [
        "create Web",
        "create web --memory 0",
        "create web --memory -5",
        "create web --cpus -1",
        "create web --swap 1G",
        "create web --procs 0",
        "create web --ip 10.0.0.256",
        "create web --nameserver x",
        "create web --hostname a_b",
        "start web --no-wait --wait",
        "exec web",
        "exec web -e =x -- true",
        "create ../web",
        "create web --template ../x",
        "start",
        "stop web --timeout soon",
    ] {
        let words = std::iter::once("fief").chain(words.split(' '));
        assert!(Cli::try_parse_from(words.clone()).is_err(), "{:?}", words.collect::<Vec<_>>());
    }
}

#[test]
fn a_value_of_nonsense_is_told_in_one_line() {
    let told = |words: &str| value_error(&Cli::try_parse_from(words.split(' ')).unwrap_err()).map(|error| error.line());
    let line = told("fief create web --memory 1M").unwrap();
    assert_eq!(line, "reading the command line: --memory <SIZE>: 1MiB of memory is too little to start in; the least is 4 MiB");
    assert!(told("fief create Web").unwrap().contains("\"Web\" is not a container name"));
    assert_eq!(told("fief frobnicate"), None);
    assert_eq!(told("fief start"), None);
}

#[test]
fn the_verbs_of_the_tour_are_understood() {
    for words in [
        "create web1 --template debian:bookworm --memory 512M --swap 0 --cpus 1.5 --cpu-weight 50 --procs 200 \
         --hostname w.example.org --ip 10.209.0.9/16 --ip fd5e:f1ef::9 --nameserver 9.9.9.9 --ssh-key k.pub --onboot",
        "create web1 --network none",
        "create web1 --network host-bridge br0 --ip 10.0.0.2/24 --gateway 10.0.0.1",
        "start web1 --wait",
        "start --onboot",
        "start web1 --dry-run",
        "stop web1 --timeout 5s --fast",
        "stop web1 --timeout 5",
        "exec web1 -u www-data:adm -w /srv -e A=b=c -- sh -c true",
        "run --rm --memory 64M -- true",
        "run",
        "list --json",
        "template build debian:bookworm --include nginx,cron",
        "template import x y.tar.gz",
        "adopt",
        "keeper web1 --fd 5",
        "show web1 --json",
        "logs -f web1",
        "destroy --force web1",
        "enter web1 -u me",
        "restart web1 --timeout 10s",
        "start a b c",
        "stop --all --timeout 0",
        "destroy a b",
        "list -q --running",
        "template remove a b",
        "template import --replace x y.tar",
    ] {
        let words = std::iter::once("fief").chain(words.split_ascii_whitespace());
        Cli::try_parse_from(words).unwrap();
    }
}

#[test]
fn exec_needs_no_dashes() {
    for words in ["exec web1 -u me ls -l -u", "exec -u me web1 ls -l -u", "exec web1 -u me -- ls -l -u", "exec -u me web1 -- ls -l -u"] {
        let words = std::iter::once("fief").chain(words.split(' '));
        let Ok(Cli { verb: Verb::Exec(exec), .. }) = Cli::try_parse_from(words.clone()) else { unreachable!("{words:?}") };
        assert_eq!(exec.command, ["ls", "-l", "-u"], "{words:?}");
        assert_eq!(exec.how.user.as_deref(), Some("me"));
    }
}

#[test]
fn every_verb_says_what_its_options_do() {
    fn look(command: &clap::Command) {
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
        }
        command.get_subcommands().for_each(look);
    }
    look(&Cli::command());
}
