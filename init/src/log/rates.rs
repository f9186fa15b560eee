//! How many entries one service may have kept in an interval; what is too many is counted, and told. journald.conf(5), `RateLimitIntervalSec=`
//!
//! Invariant: no more accounts than [`MOST`], and none that still has something to tell is forgotten untold.

use std::collections::BTreeMap;
use std::time::Duration;

/// So many services are counted at a time.
const MOST: usize = 512;

/// All of them.
#[derive(Debug)]
pub(crate) struct Rates {
    interval: Duration,
    burst: u64,
    accounts: BTreeMap<String, Account>,
}

#[derive(Debug)]
struct Account {
    since: Duration,
    heard: u64,
}

impl Account {
    fn suppressed(&self, burst: u64) -> u64 {
        self.heard.saturating_sub(burst)
    }
}

impl Rates {
    /// So many in an interval; no limit where either is nothing.
    pub(crate) fn new(interval: Duration, burst: u64) -> Self {
        Self { interval, burst, accounts: BTreeMap::new() }
    }

    /// Whether one more of that service is kept.
    pub(crate) fn allows(&mut self, who: &str, now: Duration, tell: &mut Vec<(String, u64)>) -> bool {
        if self.interval.is_zero() || self.burst == 0 {
            return true;
        }
        self.due(now, tell);
        if let Some(account) = self.accounts.get_mut(who) {
            account.heard = account.heard.saturating_add(1);
            return account.heard <= self.burst;
        }
        if self.accounts.len() >= MOST {
            let burst = self.burst;
            tell.extend(std::mem::take(&mut self.accounts).into_iter().map(|(who, account)| (who, account.suppressed(burst))));
            tell.retain(|(_, suppressed)| *suppressed > 0);
        }
        self.accounts.insert(who.to_owned(), Account { since: now, heard: 1 });
        true
    }

    /// Ends the intervals that are over; whose were too many, and how many, is to be told.
    pub(crate) fn due(&mut self, now: Duration, tell: &mut Vec<(String, u64)>) {
        let (interval, burst) = (self.interval, self.burst);
        self.accounts.retain(|who, account| {
            let is_over = now.saturating_sub(account.since) >= interval;
            let suppressed = account.suppressed(burst);
            if is_over && suppressed > 0 {
                tell.push((who.clone(), suppressed));
            }
            !is_over
        });
    }

    /// All that is to be told, at the end.
    pub(crate) fn end(&mut self, tell: &mut Vec<(String, u64)>) {
        self.due(Duration::MAX, tell);
    }

    /// When somebody is to be told of, if anybody.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.accounts.values().filter(|account| account.suppressed(self.burst) > 0).map(|account| account.since + self.interval).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_many_is_counted_for_each_and_told_when_its_interval_is_over() {
        let at = Duration::from_secs;
        let mut rates = Rates::new(at(30), 3);
        let mut tell = Vec::new();
        let kept = (0..10).filter(|_| rates.allows("loud", at(1), &mut tell)).count();
        assert_eq!((kept, rates.allows("quiet", at(2), &mut tell), rates.deadline()), (3, true, Some(at(31))));
        rates.due(at(30), &mut tell);
        assert!(tell.is_empty());
        rates.due(at(31), &mut tell);
        assert_eq!(std::mem::take(&mut tell), [("loud".to_owned(), 7)]);
        assert_eq!(rates.deadline(), None);
        assert_eq!((0..5).filter(|_| rates.allows("loud", at(40), &mut tell)).count(), 3);
        rates.end(&mut tell);
        assert_eq!(tell, [("loud".to_owned(), 2)]);
    }

    #[test]
    fn a_thousand_services_cost_no_more_than_some_and_nothing_counted_is_forgotten() {
        let mut rates = Rates::new(Duration::from_secs(30), 1);
        let mut tell = Vec::new();
        for number in 0..2000 {
            assert_eq!((0..3).filter(|_| rates.allows(&number.to_string(), Duration::ZERO, &mut tell)).count(), 1);
            assert!(rates.accounts.len() <= MOST);
        }
        rates.end(&mut tell);
        assert_eq!((tell.len(), tell.iter().map(|(_, suppressed)| suppressed).sum::<u64>()), (2000, 4000));
    }

    #[test]
    fn without_a_limit_nobody_is_counted() {
        let mut rates = Rates::new(Duration::ZERO, 1);
        assert!((0..9).all(|_| rates.allows("x", Duration::ZERO, &mut Vec::new())) && rates.accounts.is_empty());
    }
}
