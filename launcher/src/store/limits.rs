//! Limits of a container: memory, swap, processor, processes.
//!
//! Absence is "no limit"; there is no zero or -1 that means it. What is written is checked here once, so that a limit
//! the kernel would refuse never reaches a config file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Not a size at all.
    #[error("{0:?} is not a size; write bytes, or a number with K, M, G or T as in 512M (units of 1024)")]
    Size(String),
    /// A memory limit no guest could start in.
    #[error("{0} of memory is too little to start in; the least is 4 MiB")]
    LittleMemory(Bytes),
    /// More than the kernel's page counter holds.
    #[error("{0:?} is more than the kernel can count (2^63 bytes)")]
    Huge(String),
    /// Not a number of processors in range.
    #[error("{0:?} is not a number of processors of 0.01 to 8192")]
    Cpus(String),
    /// Not a weight in range.
    #[error("{0:?} is not a processor weight of 1 to 10000 (100 is usual)")]
    Weight(String),
    /// Not a number of processes in range.
    #[error("{0:?} is not a number of processes of 8 to 4194304")]
    Procs(String),
}

/// A number of bytes, written as people write it: `512M` is 512 MiB, `1GB` is 10^9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

impl Bytes {
    /// The least memory a container may be limited to: 4 MiB.
    pub const LEAST_MEMORY: Self = Self(4 << 20);
    /// The most the kernel's page counter holds (`PAGE_COUNTER_MAX`), in whole pages.
    pub const MOST: Self = Self(i64::MAX as u64 / 4096 * 4096);

    /// This many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// A memory limit: a size that a guest can start in.
    ///
    /// # Errors
    /// When it is no size, too little or too much.
    pub fn memory(text: &str) -> Result<Self, LimitError> {
        let bytes: Self = text.parse()?;
        if bytes < Self::LEAST_MEMORY { Err(LimitError::LittleMemory(bytes)) } else { Ok(bytes) }
    }
}

impl FromStr for Bytes {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let bad = || LimitError::Size(text.into());
        // bytesize reads "512M" as 512 * 10^6; OpenVZ, docker and the kernel's own memparse mean 2^20.
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim_start();
        let number = text.get(..text.len() - unit.len()).unwrap_or("").trim_end();
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(bad());
        }
        let bytes = if unit.is_empty() || unit.eq_ignore_ascii_case("b") {
            // Whole bytes are read as such: a float would lose the low bits of a large number.
            if number.contains('.') {
                return Err(bad());
            }
            number.parse().map_err(|_| LimitError::Huge(text.into()))?
        } else {
            let unit = if unit.len() == 1 { format!("{unit}iB") } else { unit.to_owned() };
            let whole: Option<u64> = number.parse().ok();
            let one: bytesize::ByteSize = format!("1{unit}").parse().map_err(|_| bad())?;
            match whole {
                Some(whole) => whole.checked_mul(one.as_u64()).ok_or_else(|| LimitError::Huge(text.into()))?,
                None if number.contains('.') => {
                    number.parse::<f64>().map_err(|_| bad())?;
                    format!("{number}{unit}").parse::<bytesize::ByteSize>().map_err(|_| bad())?.as_u64()
                }
                None => return Err(LimitError::Huge(text.into())),
            }
        };
        if bytes > Self::MOST.0 { Err(LimitError::Huge(text.into())) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for Bytes {
    /// Exact: the largest unit of 1024 that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        let exact = units.iter().find(|(shift, _)| self.0 != 0 && self.0.trailing_zeros() >= *shift);
        let text = exact.map_or_else(|| format!("{}B", self.0), |(shift, unit)| format!("{}{unit}", self.0 >> shift));
        f.pad(&text)
    }
}

/// Processors: how many cores' worth of time, to a thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpus {
    thousandths: u32,
}

impl Cpus {
    /// The quota in microseconds for a period of `period` microseconds (`cpu.max`, `cpu.cfs_quota_us`).
    #[must_use]
    pub fn quota(self, period: u64) -> u64 {
        u64::from(self.thousandths) * period / 1000
    }

    /// Thousandths of a processor.
    #[must_use]
    pub const fn thousandths(self) -> u32 {
        self.thousandths
    }
}

impl FromStr for Cpus {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let bad = || LimitError::Cpus(text.into());
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) {
            return Err(bad());
        }
        let whole: u32 = whole.parse().map_err(|_| bad())?;
        // "5" is 500 thousandths; what lies beyond the third digit is below what the scheduler can keep.
        let part: u32 = format!("{part:0<3}").get(..3).and_then(|part| part.parse().ok()).ok_or_else(bad)?;
        let thousandths = whole.checked_mul(1000).and_then(|whole| whole.checked_add(part)).ok_or_else(bad)?;
        // The kernel's least quota is 1 ms in 100 ms; NR_CPUS is at most 8192.
        if (10..=8_192_000).contains(&thousandths) { Ok(Self { thousandths }) } else { Err(bad()) }
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.thousandths / 1000, self.thousandths % 1000);
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A share of the processor against other containers: `cpu.weight`, 1 to 10000, 100 is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct CpuWeight(u16);

impl CpuWeight {
    /// The weight as cgroup2's `cpu.weight` takes it.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<i64> for CpuWeight {
    type Error = LimitError;
    fn try_from(number: i64) -> Result<Self, LimitError> {
        u16::try_from(number)
            .ok()
            .filter(|weight| (1..=10_000).contains(weight))
            .map(Self)
            .ok_or_else(|| LimitError::Weight(number.to_string()))
    }
}

/// A number of processes and threads: `pids.max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Procs(u32);

impl Procs {
    /// The number as `pids.max` takes it.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for Procs {
    type Error = LimitError;
    fn try_from(number: i64) -> Result<Self, LimitError> {
        // Fewer than init and a few services is a guest that cannot boot; PID_MAX_LIMIT is 4 Mi.
        u32::try_from(number)
            .ok()
            .filter(|procs| (8..=4_194_304).contains(procs))
            .map(Self)
            .ok_or_else(|| LimitError::Procs(number.to_string()))
    }
}

macro_rules! whole_number {
    ($type:ty, $error:path) => {
        impl From<$type> for i64 {
            fn from(number: $type) -> Self {
                number.0.into()
            }
        }

        impl FromStr for $type {
            type Err = LimitError;
            fn from_str(text: &str) -> Result<Self, LimitError> {
                let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
                number.and_then(|number| Self::try_from(number).ok()).ok_or_else(|| $error(text.into()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

whole_number!(CpuWeight, LimitError::Weight);
whole_number!(Procs, LimitError::Procs);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Cpus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.thousandths) / 1000.0)
    }
}

impl<'de> Deserialize<'de> for Cpus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number of processors such as 2 or 1.5")]
        enum Number {
            Whole(i64),
            Part(f64),
        }
        let text = match Number::deserialize(deserializer)? {
            Number::Whole(number) => number.to_string(),
            Number::Part(number) => number.to_string(),
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The limits of a container; what is absent is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Memory, page cache included.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "memory")]
    pub memory: Option<Bytes>,
    /// Swap on top of the memory; `0B` is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<Bytes>,
    /// Processor time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
    /// Share against other containers when the processors are short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_weight: Option<CpuWeight>,
    /// Processes and threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procs: Option<Procs>,
}

impl fmt::Display for Limits {
    /// In words: `memory 512MiB, cpus 1.5`; `none`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = [
            ("memory", self.memory.map(|n| n.to_string())),
            ("swap", self.swap.map(|n| n.to_string())),
            ("cpus", self.cpus.map(|n| n.to_string())),
            ("cpu weight", self.cpu_weight.map(|n| n.to_string())),
            ("processes", self.procs.map(|n| n.to_string())),
        ];
        let set: Vec<String> = set.into_iter().filter_map(|(what, n)| Some(format!("{what} {}", n?))).collect();
        if set.is_empty() { f.pad("none") } else { f.pad(&set.join(", ")) }
    }
}

fn memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bytes>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Bytes::memory(&text).map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn bytes(text: &str) -> Result<u64, LimitError> {
        text.parse::<Bytes>().map(Bytes::get)
    }

    #[test]
    fn sizes_are_as_people_write_them() {
        for (text, expected) in [
            ("512M", 512 << 20),
            ("512m", 512 << 20),
            ("512MiB", 512 << 20),
            ("1G", 1 << 30),
            ("1.5G", 3 << 29),
            ("4096", 4096),
            ("0", 0),
            ("0B", 0),
            ("1 GiB", 1 << 30),
            ("2T", 2 << 40),
            ("64K", 65536),
            ("1GB", 1_000_000_000),
            ("9007199254740993", 9_007_199_254_740_993),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn nonsense_sizes_are_refused() {
        for bad in ["", "M", "-1", "-5M", "+5M", "5X", "1e9", "1.2.3G", "nan", "inf", "max", "5 M M", "0x10", "1.5"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
        for huge in ["8388608T", "99999999999999999999", "99999999999999999999G", "9223372036854775808"] {
            assert_eq!(bytes(huge), Err(LimitError::Huge(huge.into())));
        }
        assert_eq!(Bytes::memory("0"), Err(LimitError::LittleMemory(Bytes(0))));
        assert_eq!(Bytes::memory("1M"), Err(LimitError::LittleMemory(Bytes(1 << 20))));
        assert!(Bytes::memory("4M").is_ok());
    }

    #[test]
    fn cpus_are_a_decimal_number() {
        for (text, quota) in [("1", 100_000), ("1.5", 150_000), ("0.5", 50_000), ("0.01", 1000), ("2.0", 200_000)] {
            assert_eq!(text.parse::<Cpus>().unwrap().quota(100_000), quota, "{text}");
        }
        for bad in ["0", "0.0", "0.001", "-1", "+1", "", ".", "1.", ".5", "1,5", "9000", "nan", "1e3", "4294967296"] {
            assert!(bad.parse::<Cpus>().is_err(), "{bad}");
        }
    }

    #[test]
    fn weights_and_procs_have_a_range() {
        assert_eq!("10000".parse::<CpuWeight>().unwrap().get(), 10_000);
        assert_eq!("8".parse::<Procs>().unwrap().get(), 8);
        for bad in ["0", "-1", "10001", "", "x", "1.5", "99999999999999999999"] {
            assert!(bad.parse::<CpuWeight>().is_err(), "{bad}");
        }
        for bad in ["0", "7", "-1", "4194305", "", "x"] {
            assert!(bad.parse::<Procs>().is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_round_trip_and_are_strict() {
        let text = "memory = \"512MiB\"\nswap = \"0B\"\ncpus = 1.5\ncpu-weight = 100\nprocs = 256\n";
        let limits: Limits = toml::from_str(text).unwrap();
        assert_eq!(toml::to_string(&limits).unwrap(), text);
        assert_eq!(toml::from_str::<Limits>("").unwrap(), Limits::default());
        for bad in ["memory = 5", "memory = \"1M\"", "cpus = 0", "cpus = -1.0", "cpus = nan", "procs = 0", "x = 1"] {
            assert!(toml::from_str::<Limits>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn sizes_round_trip(number in 0..=Bytes::MOST.0) {
            prop_assert_eq!(Bytes(number).to_string().parse::<Bytes>(), Ok(Bytes(number)));
        }

        #[test]
        fn cpus_round_trip(thousandths in 10u32..=8_192_000) {
            let cpus = Cpus { thousandths };
            prop_assert_eq!(cpus.to_string().parse::<Cpus>(), Ok(cpus));
            #[derive(Serialize, Deserialize)]
            struct Row { cpus: Cpus }
            let row: Row = toml::from_str(&toml::to_string(&Row { cpus }).unwrap()).unwrap();
            prop_assert_eq!(row.cpus, cpus);
        }

        #[test]
        fn parsers_never_panic(text in "\\PC{0,24}") {
            let _ = (text.parse::<Bytes>(), text.parse::<Cpus>(), text.parse::<CpuWeight>(), text.parse::<Procs>());
        }
    }
}
