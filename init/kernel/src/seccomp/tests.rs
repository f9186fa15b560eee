#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;

/// Classic BPF as far as the compiler uses it, over `struct seccomp_data`.
fn decide(program: &Program, architecture: u32, number: u32, arguments: [u64; 6]) -> u32 {
    let (mut at, mut held) = (0_usize, 0_u32);
    loop {
        let one = &program.0[at];
        at += 1;
        match one.code {
            LOAD => {
                held = match one.k {
                    NUMBER => number,
                    ARCHITECTURE => architecture,
                    offset => u32::try_from(arguments[usize::try_from(offset - ARGUMENTS).unwrap() / 8] & 0xFFFF_FFFF).unwrap(),
                }
            }
            AND => held &= one.k,
            IS => at += usize::from(if held == one.k { one.jt } else { one.jf }),
            AT_LEAST => at += usize::from(if held >= one.k { one.jt } else { one.jf }),
            RETURN => return one.k,
            other => unreachable!("{other}"),
        }
    }
}

fn native(program: &Program, number: u32, arguments: [u64; 6]) -> u32 {
    decide(program, Architecture::NATIVE.audit(), number, arguments)
}

#[test]
fn the_machine_decides_as_the_rules_say() {
    let mut filter = Filter { others: Verdict::Errno(38), ..Filter::new() };
    for number in [0, 1, 2, 5, 6, 300, u32::from(u16::MAX)] {
        filter.calls.insert(number, Verdict::Allow);
    }
    filter.calls.insert(3, Verdict::Kill);
    filter.calls.insert(6, Verdict::Errno(1));
    let is = |argument, mask, value, equal| Condition { argument, mask, value, equal };
    filter.rules.push(Rule { call: 300, when: vec![is(0, u32::MAX, 7, true), is(2, 6, 6, false)], verdict: Verdict::Errno(13) });
    filter.rules.push(Rule { call: 300, when: vec![is(1, 1, 1, true)], verdict: Verdict::Errno(14) });
    let program = filter.compile().unwrap();
    let none = [0; 6];
    for number in 0..400 {
        let wanted = filter.calls.get(&number).copied().unwrap_or(filter.others).code();
        assert_eq!(native(&program, number, none), wanted, "{number}");
    }
    assert_eq!(native(&program, u32::from(u16::MAX), none), Verdict::Allow.code());
    assert_eq!(native(&program, u32::from(u16::MAX) + 1, none), Verdict::Errno(38).code());
    assert_eq!(native(&program, 300, [7, 0, 0, 0, 0, 0]), Verdict::Errno(13).code());
    assert_eq!(native(&program, 300, [7 | 1 << 40, 0, 4, 0, 0, 0]), Verdict::Errno(13).code());
    assert_eq!(native(&program, 300, [7, 0, 6, 0, 0, 0]), Verdict::Allow.code());
    assert_eq!(native(&program, 300, [7, 1, 6, 0, 0, 0]), Verdict::Errno(14).code());
    assert_eq!(native(&program, 300, [8, 0, 0, 0, 0, 0]), Verdict::Allow.code());
}

#[test]
fn calls_of_other_kinds_do_not_slip_past() {
    let foreign = if Architecture::NATIVE == Architecture::X86_64 { Architecture::X86 } else { Architecture::Arm };
    let strict = Filter::new().compile().unwrap();
    assert_eq!(decide(&strict, foreign.audit(), 1, [0; 6]), Verdict::Kill.code());
    assert_eq!(native(&strict, 1, [0; 6]), Verdict::Allow.code());
    #[cfg(target_arch = "x86_64")]
    assert_eq!(native(&strict, X32 | 1, [0; 6]), Verdict::Kill.code());
    let wide = Filter { foreign: vec![foreign], ..Filter::new() }.compile().unwrap();
    assert_eq!(decide(&wide, foreign.audit(), 1, [0; 6]), Verdict::Allow.code());
    assert_eq!(decide(&wide, 0x1234, 1, [0; 6]), Verdict::Kill.code());
}

#[test]
fn the_tables_agree_with_libc() {
    for (name, wanted) in [
        ("read", libc::SYS_read),
        ("execve", libc::SYS_execve),
        ("openat2", libc::SYS_openat2),
        ("mount_setattr", libc::SYS_mount_setattr),
        ("seccomp", libc::SYS_seccomp),
        ("mseal", libc::SYS_mseal),
    ] {
        assert_eq!(number(name).map(i64::from), Some(wanted), "{name}");
    }
    assert_eq!(number("no_such_call"), None);
    let all: Vec<u32> = calls().map(|(number, _)| number).collect();
    assert!(all.is_sorted() && all.len() > 300);
    // The other one too, which is not compiled in.
    for table in [include_str!("x86_64.txt"), include_str!("aarch64.txt")] {
        assert!(
            table.lines().all(|line| line.split_once(' ').is_some_and(|(number, name)| number.parse::<u32>().is_ok() && !name.is_empty()))
        );
    }
}
