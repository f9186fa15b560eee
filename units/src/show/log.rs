//! What is read, and how what is written is told; systemd.exec(5), "Logging and Standard Input/Output".

use super::sheet::Sheet;
use crate::unit::{Input, Log, Output};
use crate::value::{Limit, base64};
use std::time::Duration;

pub(super) fn show(sheet: &mut Sheet, log: &Log) {
    let named = |output: Option<&Output>| if let Some(Output::Descriptor(name)) = output { name.clone() } else { String::new() };
    sheet.put("StandardInputFileDescriptorName", if let Input::Descriptor(name) = &log.stdin { name.as_str() } else { "" });
    sheet.put("StandardOutputFileDescriptorName", named(Some(&log.stdout)));
    sheet.put("StandardErrorFileDescriptorName", named(log.stderr.as_ref()));
    sheet.put("StandardInputData", if let Input::Data(bytes) = &log.stdin { base64::write(bytes) } else { String::new() });
    sheet.number("SyslogLevel", log.level.unwrap_or(6));
    sheet.flag("SyslogLevelPrefix", !log.prefix_is_text);
    sheet.number("LogLevelMax", log.level_max.map_or(-1, i64::from));
    let (interval, burst) = log.rate.unwrap_or((Duration::ZERO, 0));
    sheet.span("LogRateLimitIntervalUSec", Limit::At(interval));
    sheet.number("LogRateLimitBurst", burst);
    if log.fields.is_empty() {
        sheet.put("LogExtraFields", "");
    }
    log.fields.iter().for_each(|(name, value)| sheet.put("LogExtraFields", format!("{name}={value}")));
}
