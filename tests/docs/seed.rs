//! What the code quotes of the seed is on the page about it.

use std::collections::BTreeSet;

use super::read;
use super::sources::{table_rows, texts};

/// Numbers that follow here: `71`, `8A`, `2 and 19`, `9 to 15`; of a range both ends. A number of
/// something else (`Fig. 3 steps 8 to 14`, `claim 3, ¶60`) is none.
fn numbers(mut rest: &str) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start();
        let digits = rest.find(|letter: char| !letter.is_ascii_digit());
        let (number, behind) = rest.split_at(digits.unwrap_or(rest.len()));
        if number.is_empty() {
            return found;
        }
        let side = behind.strip_prefix(['A', 'B']);
        let end = behind.len() - side.unwrap_or(behind).len();
        found.push(format!("{number}{}", &behind[..end]));
        rest = &behind[end..];
        let joint = [", ", " and ", " to ", "–"];
        let Some(next) = joint.iter().find_map(|joint| rest.strip_prefix(joint)) else {
            return found;
        };
        rest = next;
    }
}

/// Every quotation after one of these words.
fn quoted(text: &str, words: &[&str]) -> BTreeSet<String> {
    words
        .iter()
        .flat_map(|word| text.split(word).skip(1))
        .flat_map(numbers)
        .collect()
}

/// The numbers in the first column of the tables under a heading.
fn rows_of(page: &str, heading: &str) -> BTreeSet<String> {
    let section = page.split("\n## ").find(|part| part.starts_with(heading));
    let mut found = BTreeSet::new();
    for (_, row) in table_rows(section.expect(heading)) {
        let ends: Vec<_> = row[0].split(['–', ',']).map(str::trim).collect();
        found.extend(ends.iter().map(|end| (*end).to_owned()));
        // Of a range all that is between.
        if let [first, last] = row[0].split('–').collect::<Vec<_>>()[..]
            && let (Ok(first), Ok(last)) = (first.trim().parse::<u32>(), last.trim().parse())
        {
            found.extend((first..=last).map(|number| number.to_string()));
        }
    }
    found
}

#[test]
fn every_paragraph_claim_and_figure_of_the_seed_that_is_quoted_is_on_its_page() {
    let page = read("docs/design/seed.md");
    let mut known = [
        (&["¶"][..], rows_of(&page, "Single paragraphs")),
        (
            &["claim ", "claims ", "Claim ", "Claims "],
            rows_of(&page, "Claims"),
        ),
        (&["Fig. "], rows_of(&page, "Figures")),
    ];
    // A figure of two halves is quoted whole as well.
    if known[2].1.contains("8A") && known[2].1.contains("8B") {
        known[2].1.insert("8".to_owned());
    }
    let mut missing = BTreeSet::new();
    let mut found = 0;
    for (file, text) in texts(&["src", "crates", "tests", "docs"], &["rs", "md"]) {
        if file == "docs/design/seed.md" {
            continue;
        }
        // Comments go on in the next line.
        let text: String = text
            .lines()
            .map(|line| line.trim().trim_start_matches(['/', '!']).trim().to_owned() + " ")
            .collect();
        for (words, rows) in &known {
            let numbers = quoted(&text, words);
            found += numbers.len();
            let word = words[0].trim();
            missing.extend(
                numbers
                    .difference(rows)
                    .map(|number| format!("{word} {number} of {file}")),
            );
        }
    }
    assert!(
        missing.is_empty(),
        "not in docs/design/seed.md: {missing:#?}"
    );
    assert!(found > 100, "{found} quotations");
}

#[test]
fn lists_and_ranges_are_read() {
    assert_eq!(numbers("3, ¶60)"), ["3"]);
    assert_eq!(numbers("9 to 15; x"), ["9", "15"]);
    assert_eq!(numbers("8A: 3"), ["8A"]);
    assert_eq!(numbers("3 steps 8 to 14"), ["3"]);
    assert!(numbers("a number 3").is_empty());
}
