//! The layers: built-in defaults, the file, the environment; later ones win. Each value remembers
//! where it came from, and each key is checked against the built-in defaults, which hold every key
//! there is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use config::{Config, ConfigError, FileFormat, Map, Source, Value, ValueKind};

use super::error::SettingsError;

/// The defaults, with a comment on every key.
pub const DEFAULT_TOML: &str = include_str!("../../config/default.toml");

/// The first part of every variable's name.
const PREFIX: &str = "PORTHOLE";
const SEPARATOR: &str = "__";
/// In bytes. A settings file is a few kilobytes; a larger one is some other file.
const FILE_LIMIT: u64 = 256 * 1024;

/// Values by their dotted key, each with its origin.
pub(super) type Flat = BTreeMap<String, Value>;

/// All layers merged. What is unknown or unreadable is left out and reported in `errors`.
pub(super) fn merge(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
    errors: &mut Vec<SettingsError>,
) -> Flat {
    let defaults = flat(toml(DEFAULT_TOML).unwrap_or_default());
    let known = KnownKeys(defaults.keys().cloned().collect());
    let mut builder = Config::builder().add_source(Layer::new(defaults, "the built-in defaults"));

    if let Some(path) = file {
        match read(path).and_then(|text| toml(&text)) {
            Ok(table) => {
                let from = path.display().to_string();
                let values = known.only(flat(table), |_| from.clone(), errors);
                builder = builder.add_source(Layer::new(values, &from));
            }
            Err(why) => errors.push(SettingsError::File {
                path: path.to_owned(),
                why,
            }),
        }
    }

    for (key, value) in known.only(environment(env), variable, errors) {
        let from = variable(&key);
        builder = builder.add_source(Layer::new(Flat::from([(key, value)]), &from));
    }

    // Every source is a `Layer`, whose `collect` cannot fail; were there an error all the same, the
    // reader would find every key missing and say so.
    builder
        .build()
        .map(|config| flat(config.cache.into_table().unwrap_or_default()))
        .unwrap_or_default()
}

/// One layer whose keys are known, every value marked with where it came from.
#[derive(Clone, Debug)]
struct Layer(Map<String, Value>);

impl Layer {
    fn new(values: Flat, from: &str) -> Self {
        let from = from.to_owned();
        Self(
            values
                .into_iter()
                .map(|(key, v)| (key, Value::new(Some(&from), v.kind)))
                .collect(),
        )
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

fn toml(text: &str) -> Result<Map<String, Value>, String> {
    config::File::from_str(text, FileFormat::Toml)
        .collect()
        .map_err(|error| match error {
            ConfigError::FileParse { cause, .. } => without_excerpt(&cause.to_string()),
            other => other.to_string(),
        })
}

/// The TOML reader's message without its picture of the faulty line, which may hold a password.
fn without_excerpt(message: &str) -> String {
    let excerpt = |line: &&str| {
        line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit())
            .starts_with('|')
    };
    message
        .lines()
        .filter(|line| !excerpt(line))
        .collect::<Vec<_>>()
        .join(": ")
}

fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(FILE_LIMIT + 1).read_to_string(&mut text))
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > FILE_LIMIT {
        return Err(format!(
            "larger than {} KiB, so not a settings file",
            FILE_LIMIT / 1024
        ));
    }
    Ok(text)
}

/// `PORTHOLE__ROUTER__LEASE` → `router.lease`; all values are strings still.
fn environment(env: impl Iterator<Item = (String, String)>) -> Flat {
    config::Environment::with_prefix(PREFIX)
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .source(Some(env.collect()))
        .collect()
        // Fails on non-Unicode values only, and these are `String`s.
        .unwrap_or_default()
        .into_iter()
        .collect()
}

/// `router.lease` → `PORTHOLE__ROUTER__LEASE`.
fn variable(key: &str) -> String {
    format!(
        "{PREFIX}{SEPARATOR}{}",
        key.replace('.', SEPARATOR).to_uppercase()
    )
}

/// Nested tables → dotted keys. A table without entries stays as it is, to be refused by name if it
/// is not a section.
fn flat(table: Map<String, Value>) -> Flat {
    let mut out = Flat::new();
    for (key, value) in table {
        match value.kind {
            ValueKind::Table(inner) if !inner.is_empty() => {
                out.extend(
                    flat(inner)
                        .into_iter()
                        .map(|(rest, v)| (format!("{key}.{rest}"), v)),
                );
            }
            _ => {
                out.insert(key, value);
            }
        }
    }
    out
}

/// Every key there is.
struct KnownKeys(Vec<String>);

impl KnownKeys {
    /// The values under known keys; the others become errors.
    fn only(
        &self,
        values: Flat,
        from: impl Fn(&str) -> String,
        errors: &mut Vec<SettingsError>,
    ) -> Flat {
        let mut kept = Flat::new();
        for (key, value) in values {
            let empty_section = self.is_section(&key) && matches!(value.kind, ValueKind::Table(_));
            if self.0.contains(&key) {
                kept.insert(key, value);
            } else if !empty_section {
                let (from, hint) = (from(&key), self.hint(&key));
                errors.push(SettingsError::UnknownKey { key, from, hint });
            }
        }
        kept
    }

    fn is_section(&self, name: &str) -> bool {
        self.in_section(name).next().is_some()
    }

    fn in_section<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter_map(move |key| key.strip_prefix(section)?.strip_prefix('.'))
    }

    /// What to write instead of `key`.
    fn hint(&self, key: &str) -> String {
        if self.is_section(key) {
            return format!(
                "is a section, not a setting; its keys are {}",
                self.keys_of(key)
            );
        }
        if let Some(near) = self.nearest(key) {
            return format!("no such setting; did you mean {near}?");
        }
        match key.split_once('.') {
            Some((section, _)) if self.is_section(section) => {
                format!("no such setting; [{section}] has {}", self.keys_of(section))
            }
            _ => {
                let mut sections: Vec<_> = self
                    .0
                    .iter()
                    .filter_map(|known| known.split('.').next())
                    .collect();
                sections.dedup();
                format!("no such setting; the sections are {}", sections.join(", "))
            }
        }
    }

    fn keys_of(&self, section: &str) -> String {
        self.in_section(section).collect::<Vec<_>>().join(", ")
    }

    /// The key a typing error away, or the same name in another section.
    fn nearest(&self, key: &str) -> Option<&str> {
        let last = |key: &str| key.rsplit('.').next().map(str::to_owned);
        let distance = |known: &str| strsim::damerau_levenshtein(key, known);
        let near = self.0.iter().min_by_key(|known| distance(known))?;
        if distance(near) <= 2.max(key.len() / 5) {
            return Some(near);
        }
        self.0
            .iter()
            .find(|known| last(known) == last(key))
            .map(String::as_str)
    }
}
