//! Reads merged values as types, and collects what does not fit instead of stopping at the first.

use std::num::NonZeroU16;
use std::ops::RangeInclusive;
use std::time::Duration;

use config::{Value, ValueKind};

use super::error::SettingsError;
use super::layers::Flat;
use super::values::Secret;
use porthole_types::Choice;

/// A value is missing or not allowed; the [`Reader`] has the error already.
pub(super) struct Reported;

/// The result of every reading. A caller reads on after [`Reported`], to collect all errors, and
/// gives up at its end.
pub(super) type ReadResult<T> = Result<T, Reported>;

/// The merged values, and what was found wrong with them so far.
pub(super) struct Reader {
    values: Flat,
    pub(super) errors: Vec<SettingsError>,
}

impl Reader {
    pub(super) fn new(values: Flat, errors: Vec<SettingsError>) -> Self {
        Self { values, errors }
    }

    /// The value of `key` as `parse` understands it; `allowed` completes "must be".
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        allowed: &str,
        parse: impl FnOnce(&ValueKind) -> Option<T>,
    ) -> ReadResult<T> {
        let parsed = self.values.get(key).and_then(|value| parse(&value.kind));
        parsed.ok_or_else(|| self.refuse(key, allowed))
    }

    /// Reports that the value of `key` is not `allowed`.
    pub(super) fn refuse(&mut self, key: &str, allowed: &str) -> Reported {
        let value = self.values.get(key);
        self.errors.push(SettingsError::BadValue {
            key: key.to_owned(),
            value: value.map_or("(missing)".to_owned(), |value| shown(key, value)),
            from: value
                .and_then(Value::origin)
                .unwrap_or("no layer")
                .to_owned(),
            allowed: allowed.to_owned(),
        });
        Reported
    }

    /// A text that `parse` understands.
    pub(super) fn text<T>(
        &mut self,
        key: &str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> ReadResult<T> {
        self.read(key, allowed, |value| match value {
            ValueKind::String(text) => parse(text.trim()),
            _ => None,
        })
    }

    /// A text that `parse` understands, or nothing where it is empty.
    pub(super) fn optional<T>(
        &mut self,
        key: &str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> ReadResult<Option<T>> {
        self.text(key, &format!("empty or {allowed}"), |text| match text {
            "" => Some(None),
            _ => parse(text).map(Some),
        })
    }

    /// A secret of at most 1,024 bytes, taken as it is written, or nothing where it is empty.
    pub(super) fn secret(&mut self, key: &str) -> ReadResult<Option<Secret>> {
        self.long_secret(key, 0, "")
    }

    /// The same, of at least so many characters; `advice` says how a good one is made.
    pub(super) fn long_secret(
        &mut self,
        key: &str,
        least: usize,
        advice: &str,
    ) -> ReadResult<Option<Secret>> {
        let allowed = match least {
            0 => "a text of at most 1024 bytes".to_owned(),
            _ => format!("empty, or {least} characters or more (at most 1024 bytes): {advice}"),
        };
        self.read(key, &allowed, |value| match value {
            ValueKind::String(text) if text.is_empty() => Some(None),
            ValueKind::String(text) if text.len() <= 1024 && text.chars().count() >= least => {
                Some(Some(Secret::new(text.clone())))
            }
            _ => None,
        })
    }

    pub(super) fn flag(&mut self, key: &str) -> ReadResult<bool> {
        self.read(key, "true or false", |value| match value {
            ValueKind::Boolean(flag) => Some(*flag),
            ValueKind::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        })
    }

    /// A whole number in `range`.
    pub(super) fn number<T>(&mut self, key: &str, range: RangeInclusive<T>) -> ReadResult<T>
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        let allowed = format!("a whole number, {} to {}", range.start(), range.end());
        self.read(key, &allowed, |value| {
            let number = match value {
                ValueKind::I64(number) => *number,
                ValueKind::String(text) => text.trim().parse().ok()?,
                _ => return None,
            };
            T::try_from(number)
                .ok()
                .filter(|number| range.contains(number))
        })
    }

    pub(super) fn port(&mut self, key: &str) -> ReadResult<NonZeroU16> {
        let number = self.number(key, 1..=u16::MAX)?;
        // The range has refused a 0 already.
        NonZeroU16::new(number).ok_or(Reported)
    }

    /// A duration in `range`, written as humantime reads it.
    pub(super) fn duration(
        &mut self,
        key: &str,
        range: RangeInclusive<Duration>,
    ) -> ReadResult<Duration> {
        let (least, most) = (
            humantime::format_duration(*range.start()),
            humantime::format_duration(*range.end()),
        );
        self.text(
            key,
            &format!("a duration such as 500ms, 60s or 1h, from {least} to {most}"),
            |text| {
                humantime::parse_duration(text)
                    .ok()
                    .filter(|duration| range.contains(duration))
            },
        )
    }

    /// A lease: UPnP counts it in whole seconds.
    pub(super) fn lease(
        &mut self,
        key: &str,
        range: RangeInclusive<Duration>,
    ) -> ReadResult<Duration> {
        let lease = self.duration(key, range)?;
        if lease.subsec_nanos() != 0 {
            return Err(self.refuse(key, "a whole number of seconds"));
        }
        Ok(lease)
    }

    pub(super) fn choice<T: Choice>(&mut self, key: &str) -> ReadResult<T> {
        self.text(key, &format!("one of {}", words::<T>()), choose)
    }

    /// A list of choices without repetitions, at least one.
    pub(super) fn choices<T: Choice + Ord>(
        &mut self,
        key: &str,
    ) -> ReadResult<std::collections::BTreeSet<T>> {
        let allowed = format!("a list of one or more of {}", words::<T>());
        let chosen = self.list(key, &allowed, choose)?;
        if chosen.is_empty() {
            return Err(self.refuse(key, &allowed));
        }
        Ok(chosen.into_iter().collect())
    }

    /// A list, or one text with commas as the environment has it.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> ReadResult<Vec<T>> {
        self.read(key, allowed, |value| match value {
            ValueKind::String(text) if text.trim().is_empty() => Some(Vec::new()),
            ValueKind::String(text) => text.split(',').map(|item| parse(item.trim())).collect(),
            ValueKind::Array(items) => items
                .iter()
                .map(|item| match &item.kind {
                    ValueKind::String(text) => parse(text.trim()),
                    _ => None,
                })
                .collect(),
            _ => None,
        })
    }
}

fn choose<T: Choice>(text: &str) -> Option<T> {
    T::WORDS
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, choice)| *choice)
}

fn words<T: Choice>() -> String {
    T::WORDS
        .iter()
        .map(|(word, _)| format!("{word:?}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The value as TOML would show it, shortened; hidden where it is a secret.
fn shown(key: &str, value: &Value) -> String {
    if key.ends_with("key") || key.ends_with("password") {
        return "(hidden)".to_owned();
    }
    match &value.kind {
        ValueKind::String(text) if text.chars().count() > 80 => {
            format!("{:?}…", text.chars().take(80).collect::<String>())
        }
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Array(items) => {
            let items: Vec<_> = items.iter().take(16).map(|item| shown(key, item)).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}
