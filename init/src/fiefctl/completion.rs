//! Completions for shells, made of the table.
//!
//! The words a shell does not know, units and properties of the running system, it asks for by
//! `fiefctl list --no-legend --all`.

use std::fmt::Write;

use super::line::{Line, Unclear};
use super::output;
use super::session::{Failed, code};
use super::verbs::{self, Verb};

/// `completion`
pub(super) fn completion(line: &Line) -> Result<u8, Failed> {
    let text = match line.operands.first().map(String::as_str) {
        Some("bash") => bash(),
        Some("zsh") => zsh(),
        Some("fish") => fish(),
        other => {
            let shell = other.unwrap_or_default().to_owned();
            return Err(Unclear::Bad(shell, "the shells are bash, zsh and fish".to_owned()).into());
        }
    };
    output(&text)?;
    Ok(code::OK)
}

const UNITS: &str = "fiefctl list --all --no-legend 2>/dev/null | cut -d ' ' -f 1";

fn names(verb: &Verb) -> impl Iterator<Item = &'static str> {
    std::iter::once(verb.name).chain(verb.aliases.iter().copied())
}

fn verbs_of(kind: &str) -> Vec<&'static str> {
    verbs::ALL.iter().filter(|verb| verb.operands.kind() == kind).flat_map(names).collect()
}

fn bash() -> String {
    let verbs: Vec<&str> = verbs::ALL.iter().map(|verb| verb.name).collect();
    let mut out = format!(
        "\
_fiefctl() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} verb= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${{COMP_WORDS[i]}} == -* ]] || {{ verb=${{COMP_WORDS[i]}}; break; }}
    done
    COMPREPLY=()
    if [[ -z $verb ]]; then
        COMPREPLY=($(compgen -W '--json --help --version {}' -- \"$word\"))
        return
    fi
    if [[ $word == -* ]]; then
        case $verb in
",
        verbs.join(" ")
    );
    for verb in verbs::ALL {
        let options: Vec<String> = verb.options().map(|option| format!("--{}", option.long)).collect();
        let _ = writeln!(
            out,
            "        {}) COMPREPLY=($(compgen -W '{} --help' -- \"$word\")) ;;",
            names(verb).collect::<Vec<_>>().join("|"),
            options.join(" ")
        );
    }
    let _ = write!(
        out,
        "        esac
        return
    fi
    case $verb in
    {}) COMPREPLY=($(compgen -W \"$({UNITS})\" -- \"$word\")) ;;
    {}) COMPREPLY=($(compgen -f -- \"$word\")) ;;
    completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$word\")) ;;
    esac
}}
complete -F _fiefctl fiefctl
",
        verbs_of("UNIT").join("|"),
        verbs_of("FILE").join("|"),
    );
    out
}

fn zsh() -> String {
    let mut out = "#compdef fiefctl\n_fiefctl() {\n    local -a verbs=(\n".to_owned();
    let quote = |text: &str| text.replace('\'', "'\\''").replace(':', "\\:");
    for verb in verbs::ALL {
        let _ = writeln!(out, "        '{}:{}'", verb.name, quote(verb.about));
    }
    out.push_str("    )\n    if (( CURRENT == 2 )); then\n        _describe verb verbs\n        return\n    fi\n    case $words[2] in\n");
    for verb in verbs::ALL {
        let mut specs: Vec<String> = Vec::new();
        for option in verb.options() {
            let about = quote(option.about).replace('[', "(").replace(']', ")");
            let value = option.value.map_or_else(String::new, |value| format!(":{value}:"));
            specs.push(format!("'--{}[{about}]{value}'", option.long));
        }
        match verb.operands.kind() {
            "UNIT" => specs.push(format!("'*:unit:($({UNITS}))'").replace("' '", "\\ ")),
            "FILE" => specs.push("'*:file:_files'".to_owned()),
            "SHELL" => specs.push("'1:shell:(bash zsh fish)'".to_owned()),
            _ => {}
        }
        let _ = writeln!(
            out,
            "    {})\n        shift words; (( CURRENT-- ))\n        _arguments {} ;;",
            names(verb).collect::<Vec<_>>().join("|"),
            specs.join(" ")
        );
    }
    out.push_str("    esac\n}\n_fiefctl \"$@\"\n");
    out
}

fn fish() -> String {
    let all: Vec<&str> = verbs::ALL.iter().flat_map(names).collect();
    let quote = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let mut out = format!("set -l verbs {}\ncomplete -c fiefctl -f\n", all.join(" "));
    for verb in verbs::ALL {
        let _ =
            writeln!(out, "complete -c fiefctl -n \"not __fish_seen_subcommand_from $verbs\" -a {} -d '{}'", verb.name, quote(verb.about));
        let seen = format!("__fish_seen_subcommand_from {}", names(verb).collect::<Vec<_>>().join(" "));
        for option in verb.options() {
            let short = option.short.map_or_else(String::new, |short| format!(" -s {short}"));
            let value = if option.value.is_some() { " -x" } else { "" };
            let _ = writeln!(out, "complete -c fiefctl -n '{seen}' -l {}{short}{value} -d '{}'", option.long, quote(option.about));
        }
        match verb.operands.kind() {
            "UNIT" => drop(writeln!(out, "complete -c fiefctl -n '{seen}' -a \"({UNITS})\"")),
            "FILE" => drop(writeln!(out, "complete -c fiefctl -n '{seen}' -F")),
            "SHELL" => drop(writeln!(out, "complete -c fiefctl -n '{seen}' -a 'bash zsh fish'")),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]
    use super::*;

    #[test]
    fn every_verb_and_option_is_completed_in_every_shell() {
        let all = [bash(), zsh(), fish()];
        for verb in verbs::ALL {
            for text in &all {
                assert!(text.contains(verb.name), "{}", verb.name);
                assert!(verb.options().all(|option| text.contains(option.long)));
            }
        }
    }

    #[test]
    fn bash_reads_its_completions_and_uses_them() {
        let script = format!(
            "{}\nCOMP_WORDS=(fiefctl isol); COMP_CWORD=1; _fiefctl; echo \"$COMPREPLY\"\nCOMP_WORDS=(fiefctl logs --fo); COMP_CWORD=2; _fiefctl; echo \"$COMPREPLY\"",
            bash()
        );
        let output = std::process::Command::new("bash").args(["-uc", &script]).output().unwrap();
        assert_eq!(
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
            ("isolate\n--follow\n".into(), "".into())
        );
    }
}
