//! `docs/ref/limits.md` against the constants of the code.

use std::fs;
use std::path::Path;

use super::sources::{code_spans, table_rows};
use super::{ROOT, files, read};

/// What a constant is worth: a number as it is, a duration in milliseconds.
#[derive(Debug, PartialEq)]
enum Worth {
    Number(f64),
    Time(f64),
}

/// What a factor of the code is worth: `5`, `1_000`, `60.0`, `Duration::from_secs(5)`.
fn factor(text: &str) -> Option<Worth> {
    let Some(call) = text.strip_prefix("Duration::from_") else {
        let digits = text.replace('_', "");
        return digits.parse().ok().map(Worth::Number);
    };
    let (unit, count) = call.strip_suffix(')')?.split_once('(')?;
    let unit = match unit {
        "millis" => 1.0,
        "secs" => 1_000.0,
        "mins" => 60_000.0,
        "hours" => 3_600_000.0,
        _ => return None,
    };
    match product(count)? {
        Worth::Number(count) => Some(Worth::Time(count * unit)),
        Worth::Time(_) => None,
    }
}

fn product(text: &str) -> Option<Worth> {
    // Only factors of whole numbers stand beside each other in constants.
    if text.starts_with("Duration") || !text.contains(" * ") {
        return factor(text);
    }
    text.split(" * ")
        .map(|part| match factor(part)? {
            Worth::Number(number) => Some(number),
            Worth::Time(_) => None,
        })
        .product::<Option<f64>>()
        .map(Worth::Number)
}

/// All that an expression holds: one value, the ends of a range, the elements of an array, the
/// fields of a struct, the arguments of a function.
fn worths(expression: &str) -> Option<Vec<Worth>> {
    // Of a back-off the shortest pause and the longest.
    if let Some((_, arguments)) = expression.split_once("Backoff::new(") {
        return arguments
            .split(',')
            .take(2)
            .map(str::trim)
            .map(product)
            .collect();
    }
    let inside = match expression.find(['[', '{', '(']) {
        Some(start) if !expression.starts_with("Duration") => {
            let (_, inside) = expression.split_at(start + 1);
            inside.trim_end_matches([']', '}', ')'])
        }
        _ => expression,
    };
    // A call that lost its bracket there has it again.
    let closed = |part: &str| {
        let open = part.contains('(') && !part.contains(')');
        format!("{part}{}", if open { ")" } else { "" })
    };
    inside
        .split("..=")
        .flat_map(|part| part.split(','))
        .map(|part| part.rsplit(": ").next().unwrap_or_default().trim())
        .filter(|part| !part.is_empty())
        .map(|part| product(&closed(part)))
        .collect()
}

/// All that a cell says, in the same way: `64`, `5 s`, `1 to 366`, `500 ms, 1 s`.
fn said(cell: &str) -> Option<Vec<Worth>> {
    cell.split(", ")
        .flat_map(|part| part.split(" to "))
        .map(|part| {
            let (number, unit) = part.split_once(' ').unwrap_or((part, ""));
            let number: f64 = number.parse().ok()?;
            Some(match unit {
                "" => Worth::Number(number),
                "ms" => Worth::Time(number),
                "s" => Worth::Time(number * 1_000.0),
                "min" => Worth::Time(number * 60_000.0),
                "h" => Worth::Time(number * 3_600_000.0),
                "d" => Worth::Time(number * 86_400_000.0),
                _ => return None,
            })
        })
        .collect()
}

/// All constants of a file or folder, with their expressions.
fn constants(place: &str) -> Vec<(String, String)> {
    let path = Path::new(ROOT).join(place);
    let sources = match path.extension() {
        Some(_) => vec![path],
        None => files(&path, "rs"),
    };
    let mut found = Vec::new();
    for source in sources {
        // A file that is not there has none.
        let text = fs::read_to_string(&source).unwrap_or_default();
        for rest in text.split("const ").skip(1) {
            let Some((name, rest)) = rest.split_once(": ") else {
                continue;
            };
            // Behind the type, which may hold a semicolon: `[Duration; 4]`.
            let Some((_, rest)) = rest.split_once(" =") else {
                continue;
            };
            let expression = rest.split(';').next().unwrap_or_default();
            found.push((name.to_owned(), expression.trim().to_owned()));
        }
    }
    found
}

/// Whether a page says what a constant says.
fn agree(code: &[Worth], page: &[Worth]) -> bool {
    let one = |(code, page): (&Worth, &Worth)| match (code, page) {
        // Some constants count seconds.
        (Worth::Number(code), Worth::Time(page)) => same(code * 1_000.0, *page),
        (Worth::Number(code), Worth::Number(page)) | (Worth::Time(code), Worth::Time(page)) => {
            same(*code, *page)
        }
        (Worth::Time(_), Worth::Number(_)) => false,
    };
    code.len() == page.len() && code.iter().zip(page).all(one)
}

/// The constants of the same crate, or folder of `src`, that have this value: one of them may be
/// the one that was renamed or moved.
fn candidates(place: &str, value: &[Worth]) -> String {
    let mut folders = place.splitn(3, '/');
    let folder = format!(
        "{}/{}",
        folders.next().unwrap_or_default(),
        folders.next().unwrap_or_default()
    );
    let mut names: Vec<_> = constants(&folder)
        .into_iter()
        .filter(|(_, expression)| worths(expression).is_some_and(|code| agree(&code, value)))
        .map(|(name, _)| name)
        .collect();
    names.sort();
    names.dedup();
    names.join(", ")
}

#[test]
fn every_limit_is_what_its_constant_says() {
    let text = read("docs/ref/limits.md");
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (_, row) in table_rows(&text) {
        let [what, is, constant] = row[..] else {
            panic!("{row:?}")
        };
        let [place, name] = code_spans(constant).collect::<Vec<_>>()[..] else {
            panic!("{what}: a file or folder and a constant, not {constant}")
        };
        let value = code_spans(is).next().unwrap_or_default();
        let in_page = said(value).unwrap_or_else(|| panic!("{what}: cannot read {value}"));
        let mut expressions = constants(place);
        expressions.retain(|(found, _)| found == name);
        match &expressions[..] {
            [(_, expression)] => {
                let in_code = worths(expression).unwrap_or_default();
                if !agree(&in_code, &in_page) {
                    wrong.push(format!("{what}: {value} here, {expression} in the code"));
                }
            }
            others => wrong.push(format!(
                "{what}: {place} has {} constants {name}; of this value are {}",
                others.len(),
                candidates(place, &in_page)
            )),
        }
        checked += 1;
    }
    assert!(wrong.is_empty(), "docs/ref/limits.md: {wrong:#?}");
    assert!(checked > 40, "{checked} limits are checked");
}

fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

#[test]
fn expressions_of_the_code_are_understood() {
    assert_eq!(worths("64"), Some(vec![Worth::Number(64.0)]));
    assert_eq!(
        worths("7 * 24 * 3_600"),
        Some(vec![Worth::Number(604_800.0)])
    );
    assert_eq!(
        worths("[\n    Duration::from_millis(500),\n    Duration::from_mins(1),\n]"),
        Some(vec![Worth::Time(500.0), Worth::Time(60_000.0)])
    );
    assert_eq!(
        worths("0.1..=120.0"),
        Some(vec![Worth::Number(0.1), Worth::Number(120.0)])
    );
    assert_eq!(
        worths("Budget {\n    restarts: 5,\n    window: Duration::from_secs(30),\n}"),
        Some(vec![Worth::Number(5.0), Worth::Time(30_000.0)])
    );
    assert_eq!(
        worths("quota(200, 400)"),
        Some(vec![Worth::Number(200.0), Worth::Number(400.0)])
    );
    assert_eq!(
        worths("match Backoff::new(Duration::from_secs(2), Duration::from_mins(5), 25) {"),
        Some(vec![Worth::Time(2_000.0), Worth::Time(300_000.0)])
    );
    assert_eq!(worths("OTHER"), None);
}
