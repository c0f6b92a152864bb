//! The table for people, and `docs/ref/routers.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::outcome::Outcome;

/// What stands above the table.
const HEAD: &str = include_str!("head.md");

/// The columns, each with whether it is the same in every run.
const COLUMNS: [(&str, bool); 13] = [
    ("router", true),
    ("what it does", true),
    ("verdict", true),
    ("8080", true),
    ("changes", true),
    ("gap", false),
    ("takeover", false),
    ("at once", false),
    ("made", false),
    ("left", true),
    ("requests", false),
    ("class", true),
    ("the cameras say", true),
];

/// Lines of each log that are shown of a row that failed.
const LAST_LINES: usize = 12;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/ref/routers.md")
}

/// The next of these steps up, so that the figures of two runs look the same.
fn at_most(figure: u64, steps: &[u64]) -> String {
    let step = steps.iter().find(|step| figure <= **step);
    step.map_or_else(|| format!("{figure}"), |step| format!("≤ {step}"))
}

fn columns(outcome: &Outcome) -> [String; COLUMNS.len()] {
    let verdict = match (outcome.failures.is_empty(), outcome.because) {
        (false, _) => format!("**fails**: {}", outcome.failures.join("; ")).replace('|', "\\|"),
        (true, "") => "works".to_owned(),
        (true, because) => format!("works, but {because}"),
    };
    let takeover = match outcome.takeover {
        Some(took) => at_most(took.into(), &[12, 36, 72]),
        None if outcome.deputy => "a deputy".to_owned(),
        None => "none".to_owned(),
    };
    let list = |texts: &std::collections::BTreeSet<String>| {
        let texts: Vec<_> = texts.iter().map(|text| text.replace('|', "\\|")).collect();
        texts.join(" / ")
    };
    [
        format!("`{}`", outcome.name),
        outcome.what.to_owned(),
        verdict,
        outcome.holder.map_or("nobody".to_owned(), String::from),
        outcome.changes.to_string(),
        match outcome.gap {
            _ if outcome.holder.is_none() => "always".to_owned(),
            0 => "0".to_owned(),
            gap => at_most(gap.into(), &[4, 36]),
        },
        takeover,
        outcome.most_at_once.to_string(),
        at_most(outcome.made.into(), &[6, 12, 24, 96]),
        outcome.left.to_string(),
        at_most(outcome.requests, &[240, 360]),
        list(&outcome.classes),
        list(&outcome.says),
    ]
}

fn line(columns: &[String]) -> String {
    format!("| {} |\n", columns.join(" | "))
}

fn markdown(outcomes: &[Outcome]) -> String {
    let mut text = line(&COLUMNS.map(|(name, _)| name.to_owned()));
    let _ = writeln!(text, "|{}", "---|".repeat(COLUMNS.len()));
    for outcome in outcomes {
        text += &line(&columns(outcome));
    }
    text
}

/// Prints the table, and of the rows that failed why; more of their logs where few were chosen.
pub(crate) fn show(outcomes: &[Outcome], few: bool) {
    println!("{}", markdown(outcomes));
    for one in outcomes {
        println!(
            "{}: gap {}, takeover {:?}, made {}, renewed {}, {} requests within a minute",
            one.name, one.gap, one.takeover, one.made, one.renewed, one.requests
        );
    }
    let failed = outcomes
        .iter()
        .filter(|outcome| !outcome.failures.is_empty());
    for outcome in failed {
        println!("{}: fails", outcome.name);
        for failure in &outcome.failures {
            println!("  {failure}");
        }
        for log in &outcome.logs {
            let lines = log.lines().count();
            let skipped = if few {
                0
            } else {
                lines.saturating_sub(LAST_LINES).max(1)
            };
            let heading = log.lines().take(1);
            for line in heading.chain(log.lines().skip(skipped)) {
                println!("  {line}");
            }
        }
    }
}

/// Writes the document where that is asked for; otherwise, what is wrong with it.
pub(crate) fn document(outcomes: &[Outcome], few: bool) -> Vec<String> {
    if std::env::var_os("PORTHOLE_WRITE").is_some() {
        if few {
            return vec!["PORTHOLE_WRITE writes all rows: leave PORTHOLE_ROWS away".to_owned()];
        }
        fs::write(path(), format!("{HEAD}\n{}", markdown(outcomes))).unwrap();
        return Vec::new();
    }
    let text = fs::read_to_string(path()).unwrap_or_default();
    let mut wrong = differences(&text, outcomes, few);
    if !wrong.is_empty() {
        wrong.push(
            "docs/ref/routers.md is out of date: \
             `PORTHOLE_WRITE=1 cargo test --test routers` writes it"
                .to_owned(),
        );
    }
    wrong
}

/// Where the document says otherwise; only of these rows if they are `few`.
fn differences(text: &str, outcomes: &[Outcome], few: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut rows: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").collect())
        .collect();
    for outcome in outcomes {
        let seen = columns(outcome);
        let name = format!("{}`", outcome.name);
        let Some(at) = rows.iter().position(|row| row[0] == name) else {
            wrong.push(format!("{}: not in docs/ref/routers.md", outcome.name));
            continue;
        };
        let row = rows.remove(at);
        if !outcome.failures.is_empty() {
            // That is told of already, and looks another way each time.
            continue;
        }
        let columns = COLUMNS.iter().zip(&seen).enumerate().skip(1);
        for (number, ((column, _), seen)) in columns.filter(|(_, ((_, stable), _))| *stable) {
            let documented = row.get(number).copied().unwrap_or_default();
            if documented != seen {
                let mut why = String::new();
                let _ = write!(why, "{}: {column}: ", outcome.name);
                let _ = write!(why, "docs/ref/routers.md has {documented:?}, seen {seen:?}");
                wrong.push(why);
            }
        }
    }
    if !few {
        let gone = rows.iter().map(|row| row[0].trim_end_matches('`'));
        wrong.extend(gone.map(|name| format!("{name}: in docs/ref/routers.md, but no quirk")));
    }
    wrong
}

#[test]
fn a_document_that_says_otherwise_is_told_of_and_figures_that_vary_are_not() {
    let outcome = |name, holder, made| Outcome {
        name,
        holder,
        made,
        ..Outcome::default()
    };
    let text = markdown(&[outcome("one", Some('A'), 3), outcome("two", None, 3)]);
    let same = [outcome("one", Some('A'), 30), outcome("two", None, 3)];
    assert_eq!(differences(&text, &same, false), Vec::<String>::new());
    let other = [outcome("one", Some('B'), 3), outcome("three", None, 3)];
    let wrong = differences(&text, &other, false);
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert_eq!(differences(&text, &other[..1], true).len(), 1);
}
