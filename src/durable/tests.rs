use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;
use crate::site::Passwords;

/// A state file in a folder that does not exist yet, inside one that goes away with the test.
fn place() -> (tempfile::TempDir, StateFile) {
    let folder = tempfile::tempdir().unwrap();
    let file = StateFile::new(&folder.path().join("data"));
    (folder, file)
}

fn state() -> StoredState {
    StoredState {
        version: VERSION,
        instance: InstanceId(0xab),
        term: Term(7),
        name: Some("Garden".to_owned()),
        chosen_name: Some(Name::new("Tor \u{1f6aa}").unwrap()),
        mapped_port: ExternalPort::new(8081),
        mappings: Some([ExternalPort::new(8081).unwrap()].into()),
        remote_access: RemoteAccess::Off,
        auth_state: AuthState::default(),
        camera: serde_json::from_str(
            r#"{"picture":{"width":640},"controls":{"camera":"vivid","values":{"9963776":7}},
                "presets":{"Door":{"pan":3600,"tilt":null,"zoom":2}}}"#,
        )
        .unwrap(),
        login: LocalSecrets::default(),
        lost: None,
        device: BTreeSet::new(),
    }
}

fn bad(file: &StateFile) -> String {
    match file.load().unwrap() {
        (state, LoadOutcome::Unusable { why, moved_to }) => {
            assert_eq!(moved_to, Some(file.path("bad")));
            assert!(file.path("bad").exists());
            let locked = state.locked().expect("nobody is let in");
            assert_eq!(Some(locked), file.locked().as_ref(), "now and later");
            assert!(locked.words().contains("state.json.bad"), "{locked:?}");
            assert_eq!(
                file.load().unwrap(),
                (state, LoadOutcome::Existing),
                "the new identity lasts"
            );
            why
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_start_draws_an_identity_that_lasts() {
    let (_folder, file) = place();
    let (first, found) = file.load().unwrap();
    assert_eq!(found, LoadOutcome::Missing);
    assert_eq!(first.term, Term(0));
    assert_eq!(file.load().unwrap(), (first, LoadOutcome::Existing));
}

#[test]
fn what_a_file_says_is_read_under_the_names_that_the_documents_give() {
    let (_folder, file) = place();
    fs::create_dir_all(&file.folder).unwrap();
    let old = r#"{"version":2,"instance":"00000000000000ab","term":7,"name":null,
        "chosen_name":"Barn","mapped_port":8081,"boot":3,"remote_access":"off",
        "auth_state":{"passwords":{"changed_at":5,"viewer":null,"admin":"$argon2id$"}},
        "login":{},"camera":{},"device":[]}"#;
    fs::write(file.file(), old).unwrap();
    let (state, _) = file.load().unwrap();
    assert_eq!(state.remote_access, RemoteAccess::Off);
    let admin = state
        .auth_state
        .passwords
        .and_then(|passwords| passwords.admin);
    assert_eq!(admin.as_deref(), Some("$argon2id$"));
    assert_eq!(state.chosen_name, Name::new("Barn").ok());
}

#[test]
fn nobody_else_can_read_the_file() {
    let (_folder, file) = place();
    file.save(&state()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file.file()), 0o600);
    assert_eq!(mode(&file.folder), 0o700);
}

#[test]
fn a_file_cut_short_at_any_byte_is_set_aside() {
    let (_folder, file) = place();
    file.save(&state()).unwrap();
    let whole = fs::read(file.file()).unwrap();
    // Without its last byte, the line feed, it is still whole.
    for length in 0..whole.len() - 1 {
        fs::write(file.file(), &whole[..length]).unwrap();
        let why = bad(&file);
        assert!(why.contains("EOF"), "{length}: {why}");
        assert_eq!(fs::read(file.path("bad")).unwrap(), &whole[..length]);
    }
}

#[test]
fn a_crash_before_the_rename_leaves_the_old_state() {
    let (_folder, file) = place();
    file.save(&state()).unwrap();
    let newer = StoredState {
        term: Term(8),
        ..state()
    };
    let temporary = file.path("tmp");
    fs::write(&temporary, file.text(&newer).unwrap()).unwrap();
    assert_eq!(file.load().unwrap(), (state(), LoadOutcome::Existing));
    // Power cut in the middle of the temporary file: it hinders neither reading nor the next save.
    fs::write(&temporary, b"{\"vers").unwrap();
    assert_eq!(file.load().unwrap(), (state(), LoadOutcome::Existing));
    file.save(&newer).unwrap();
    assert_eq!(file.load().unwrap(), (newer, LoadOutcome::Existing));
    assert!(!temporary.exists());
}

#[test]
fn a_file_of_a_newer_program_is_set_aside_with_both_versions_named() {
    let (_folder, file) = place();
    file.save(&state()).unwrap();
    fs::write(file.file(), r#"{"version": 3, "shape": "another"}"#).unwrap();
    assert_eq!(bad(&file), "of version 3, and this program knows version 2");
}

#[test]
fn a_field_of_a_later_release_is_no_reason_to_forget_the_identity() {
    let (_folder, file) = place();
    file.save(&state()).unwrap();
    let text = fs::read_to_string(file.file()).unwrap();
    fs::write(file.file(), text.replacen('{', r#"{"added": [1],"#, 1)).unwrap();
    assert_eq!(file.load().unwrap(), (state(), LoadOutcome::Existing));
}

#[test]
fn what_is_no_state_file_at_all_is_set_aside() {
    let (_folder, file) = place();
    file.save(&state()).unwrap();
    fs::write(file.file(), vec![b' '; 300_000]).unwrap();
    assert_eq!(bad(&file), "larger than 256 KiB");

    fs::write(file.file(), r#"{"version":2,"instance":"xyz","term":0}"#).unwrap();
    assert!(bad(&file).contains("16 hexadecimal digits"));

    let (_folder, file) = place();
    fs::create_dir_all(file.file()).unwrap();
    assert_eq!(bad(&file), "not a regular file");
}

#[test]
fn without_its_file_nobody_is_let_in_until_somebody_says_which_passwords_count() {
    let (_folder, file) = place();
    file.save(&state()).unwrap();
    assert_eq!(file.locked(), None);
    fs::write(file.file(), "{").unwrap();
    assert!(file.locked().is_some(), "before the start, too");
    let (lost, _) = file.load().unwrap();
    assert!(lost.locked().is_some());

    let mut told = lost.clone();
    told.reset_passwords(1_795_400_000_000);
    assert_eq!(told.locked(), None);
    assert_eq!(told.auth_state.set_passwords(), None);
    file.save(&told).unwrap();
    assert_eq!(file.load().unwrap(), (told, LoadOutcome::Existing));

    let mut heard = lost;
    heard.auth_state.passwords = Some(Passwords {
        epoch: 0,
        generation: 3,
        changed_at: 5,
        viewer: None,
        admin: Some("$argon2id$".to_owned()),
    });
    assert_eq!(heard.locked(), None, "another camera has told");
}

#[test]
fn a_folder_that_cannot_be_written_to_leaves_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    fs::write(&blocked, "").unwrap();
    let file = StateFile::new(&blocked);
    let (state, found) = file.load().unwrap();
    assert_eq!(found, LoadOutcome::Missing);
    let told = file.save(&state).unwrap_err().to_string();
    assert!(told.contains("file/state.json"), "{told}");
}

proptest! {
    #[test]
    fn every_state_reads_back_as_it_was(
        instance: u64,
        term: u64,
        name: Option<String>,
        port in proptest::option::of(1u16..),
    ) {
        let state = StoredState {
            version: VERSION,
            instance: InstanceId(instance),
            term: Term(term),
            name,
            mapped_port: port.and_then(ExternalPort::new),
            ..StoredState::new(InstanceId(instance))
        };
        prop_assert_eq!(parse(&serde_json::to_vec_pretty(&state).unwrap()).unwrap(), state);
    }

    #[test]
    fn no_bytes_bring_the_reader_down(bytes: Vec<u8>) {
        let _ = parse(&bytes);
    }
}

#[test]
fn a_copy_of_another_devices_file_is_set_aside() {
    let (_folder, mut file) = place();
    let cards = |cards: &[&str]| {
        cards
            .iter()
            .map(ToString::to_string)
            .collect::<BTreeSet<_>>()
    };
    file.device = cards(&["b8:27:eb:00:00:01", "b8:27:eb:00:00:02"]);
    file.save(&state()).unwrap();
    file.device = cards(&["b8:27:eb:00:00:02", "b8:27:eb:00:00:03"]);
    assert_eq!(
        file.load().unwrap(),
        (state(), LoadOutcome::Existing),
        "one card changed"
    );
    file.device = cards(&[]);
    assert_eq!(
        file.load().unwrap(),
        (state(), LoadOutcome::Existing),
        "nothing is known"
    );
    file.device = cards(&["b8:27:eb:00:00:09"]);
    let why = bad(&file);
    assert!(
        why.starts_with("written by another device, b8:27:eb:00:00:01"),
        "{why}"
    );
    assert_ne!(file.load().unwrap().0.instance, state().instance);
}
