//! Settings that cannot be used end the start, with words.

use std::fs;

use crate::testbed::porthole;

/// What `porthole run` says when it does not start with this settings file.
#[track_caller]
fn refusal(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("porthole.toml");
    fs::write(&file, text).unwrap();
    let ran = porthole("run", &file);
    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains("porthole.toml"), "{said}");
    said
}

#[test]
fn every_bad_setting_is_named_at_once_with_its_value_and_what_is_allowed() {
    let said = refusal(
        "[http]\nport = 80800\n\
         [router]\nport_mode = \"sideways\"\nrepresentative_lease = \"1s\"\n\
         port_range = \"9000-8000\"\n\
         [camera]\nqualty = 80\nfps = 0\n",
    );
    println!("{said}");
    for (key, value, allowed) in [
        ("http.port", "80800", "65535"),
        ("router.port_mode", "sideways", "separate"),
        ("router.representative_lease", "1s", "4s"),
        ("router.port_range", "9000-8000", "8081-8180"),
        ("camera.fps", "0", "240"),
        ("camera.qualty", "", "quality"),
    ] {
        let line = said.lines().find(|line| line.contains(key));
        let line = line.unwrap_or_else(|| panic!("nothing about {key} in {said}"));
        assert!(line.contains(value) && line.contains(allowed), "{line}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_told_of() {
    let said = refusal("[router]\nrepresentative_port = 8100\n");
    assert!(said.contains("router.representative_port"), "{said}");
    assert!(
        said.contains("8100") && said.contains("8081-8180"),
        "{said}"
    );
}

#[test]
fn a_file_that_is_no_toml_is_told_of_with_the_line() {
    let said = refusal("[http]\nport = = 8080\n");
    assert!(said.contains("line 2"), "{said}");
}

#[test]
fn a_file_that_is_not_there_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let ran = porthole("run", &folder.path().join("nowhere.toml"));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains("nowhere.toml"), "{said}");
}
