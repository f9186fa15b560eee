//! Processors and clocks; systemd.exec(5), "Scheduling".

use super::sheet::Sheet;
use crate::unit::Execution;

/// What the kernel gives init, and whoever it makes; prctl(2), `PR_SET_TIMERSLACK`.
const TIMER_SLACK: u64 = 50_000;

pub(super) fn show(sheet: &mut Sheet, execution: &Execution) {
    sheet.flag("CPUSchedulingResetOnFork", execution.cpu_reset_on_fork);
    sheet.put("CPUAffinity", ranges(&execution.cpu_affinity));
    sheet.put("TimerSlackNSec", execution.timer_slack.unwrap_or(TIMER_SLACK).to_string());
}

/// The bits that are set, by number: `0-3 5`.
pub(super) fn ranges(bits: &[u64]) -> String {
    let is_set = |at: usize| bits.get(at / 64).is_some_and(|word| word & 1 << (at % 64) != 0);
    let all = 0..bits.len() * 64;
    let firsts = all.filter(|at| is_set(*at) && (*at == 0 || !is_set(at - 1)));
    let range = |first: usize| match (first..).take_while(|at| is_set(*at)).last() {
        Some(last) if last > first => format!("{first}-{last}"),
        Some(_) | None => first.to_string(),
    };
    firsts.map(range).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn processors_are_ranges_across_words_too() {
        for (bits, shown) in [(&[][..], ""), (&[0], ""), (&[0b10_1111], "0-3 5"), (&[1 << 63 | 1, 0b11], "0 63-65"), (&[0, 1 << 63], "127")]
        {
            assert_eq!(ranges(bits), shown);
        }
    }
}
