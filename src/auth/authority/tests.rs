//! Whose credentials are accepted, who has to wait, and what becomes of sessions when passwords
//! change.

use std::net::Ipv4Addr;

use super::*;
use crate::site::SessionId;

const NEAR: LoginSource<'_> = LoginSource {
    address: IpAddr::V4(Ipv4Addr::new(192, 168, 77, 20)),
    network: ClientNetwork::Lan,
    agent: "Lavf/61",
};
const ME: InstanceId = InstanceId(1);

fn authority_with(values: &[(&str, &str)]) -> Authority {
    let values = values
        .iter()
        .map(|(name, value)| (format!("PORTHOLE__{name}"), (*value).to_owned()));
    let settings = Settings::load(None, values).unwrap();
    let mut local = LocalSecrets::default();
    local.prepare(&settings, &AuthState::default()).unwrap();
    Authority::new(&settings, &local).unwrap()
}

fn usual() -> Authority {
    authority_with(&[
        ("AUTH__ADMIN_PASSWORD", "the admin's"),
        ("AUTH__VIEWER_PASSWORD", "the viewer's"),
        ("SITE__KEY", "the key of this site"),
    ])
}

async fn verify(
    authority: &Authority,
    auth_state: &SharedAuthState,
    user: &str,
    password: &str,
) -> Result<Access, LoginError> {
    authority
        .verify_password(auth_state, user, password, NEAR)
        .await
}

#[tokio::test]
async fn each_user_has_a_password_of_its_own() {
    let (authority, auth_state) = (usual(), SharedAuthState::new(AuthState::default()));
    for (user, password, right) in [
        ("admin", "the admin's", Ok(Access::Admin)),
        ("viewer", "the viewer's", Ok(Access::Viewer)),
        ("admin", "the viewer's", Err(LoginError::Wrong)),
        ("root", "the admin's", Err(LoginError::Wrong)),
        ("admin", "", Err(LoginError::Wrong)),
    ] {
        let verified = verify(&authority, &auth_state, user, password).await;
        assert_eq!(verified, right, "{user} {password}");
    }
}

#[tokio::test]
async fn a_viewer_without_a_password_cannot_log_in() {
    let authority = authority_with(&[("AUTH__ADMIN_PASSWORD", "the admin's")]);
    let auth_state = SharedAuthState::new(AuthState::default());
    let verified = verify(&authority, &auth_state, "viewer", "").await;
    assert_eq!(verified, Err(LoginError::Wrong));
}

#[tokio::test]
async fn passwords_set_over_http_replace_those_of_the_settings_also_where_they_were_right_before() {
    let (authority, auth_state) = (usual(), SharedAuthState::new(AuthState::default()));
    verify(&authority, &auth_state, "viewer", "the viewer's")
        .await
        .unwrap();
    verify(&authority, &auth_state, "admin", "the admin's")
        .await
        .unwrap();
    let change = PasswordChange {
        admin: Some("another one".to_owned()),
        viewer: ViewerPasswordChange::Remove,
    };
    let set = authority
        .hash_new_passwords(
            &auth_state.now(),
            "the admin's".to_owned(),
            change,
            NEAR.address,
        )
        .await;
    auth_state.learn(&AuthState {
        passwords: Some(set.unwrap()),
        ..AuthState::default()
    });
    for (user, password, right) in [
        ("admin", "another one", Ok(Access::Admin)),
        ("admin", "the admin's", Err(LoginError::Wrong)),
        ("viewer", "the viewer's", Err(LoginError::Wrong)),
    ] {
        let verified = verify(&authority, &auth_state, user, password).await;
        assert_eq!(verified, right, "{user} {password}");
    }
}

#[tokio::test]
async fn what_is_not_changed_stays_as_it_is() {
    let (authority, auth_state) = (usual(), SharedAuthState::new(AuthState::default()));
    let change = PasswordChange {
        admin: None,
        viewer: ViewerPasswordChange::Keep,
    };
    let set = authority
        .hash_new_passwords(
            &auth_state.now(),
            "the admin's".to_owned(),
            change,
            NEAR.address,
        )
        .await;
    auth_state.learn(&AuthState {
        passwords: Some(set.unwrap()),
        ..AuthState::default()
    });
    verify(&authority, &auth_state, "viewer", "the viewer's")
        .await
        .unwrap();
    verify(&authority, &auth_state, "admin", "the admin's")
        .await
        .unwrap();
}

/// Wrong ones until this address has to wait.
fn guess_until_it_waits(authority: &Authority) {
    for _ in 0..5 {
        assert_eq!(authority.record_failure(NEAR.address, NEAR.network), Ok(()));
    }
}

#[tokio::test]
async fn a_device_that_was_right_from_there_does_not_wait_for_the_one_who_guesses() {
    let (authority, auth_state) = (usual(), SharedAuthState::new(AuthState::default()));
    verify(&authority, &auth_state, "admin", "the admin's")
        .await
        .unwrap();
    guess_until_it_waits(&authority);
    for _ in 0..100 {
        let verified = verify(&authority, &auth_state, "admin", "the admin's").await;
        assert_eq!(verified, Ok(Access::Admin));
    }
    // Neither what was never right, nor the same from another device there.
    let waits = |verified| matches!(verified, Err(LoginError::Throttled(_)));
    assert!(waits(
        verify(&authority, &auth_state, "viewer", "the viewer's").await
    ));
    let guesser = LoginSource {
        agent: "guesser",
        ..NEAR
    };
    let verified = authority
        .verify_password(&auth_state, "admin", "the admin's", guesser)
        .await;
    assert!(waits(verified), "{verified:?}");
}

#[tokio::test]
async fn whoever_takes_on_the_name_of_a_known_device_guesses_no_faster_for_long() {
    let (authority, auth_state) = (usual(), SharedAuthState::new(AuthState::default()));
    verify(&authority, &auth_state, "admin", "the admin's")
        .await
        .unwrap();
    guess_until_it_waits(&authority);
    for _ in 0..100 {
        let wrong = verify(&authority, &auth_state, "admin", "a guess").await;
        assert!(matches!(wrong, Err(LoginError::Throttled(_))), "{wrong:?}");
    }
    let right = verify(&authority, &auth_state, "admin", "the admin's").await;
    assert!(matches!(right, Err(LoginError::Throttled(_))), "{right:?}");
}

#[tokio::test]
async fn right_credentials_wait_too_where_nobody_was_right_before() {
    let (authority, auth_state) = (usual(), SharedAuthState::new(AuthState::default()));
    let elsewhere = LoginSource {
        address: Ipv4Addr::new(192, 168, 77, 21).into(),
        ..NEAR
    };
    let right = async |from| {
        authority
            .verify_password(&auth_state, "admin", "the admin's", from)
            .await
    };
    assert_eq!(right(elsewhere).await, Ok(Access::Admin));
    guess_until_it_waits(&authority);
    let refused = right(NEAR).await;
    assert!(
        matches!(refused, Err(LoginError::Throttled(_))),
        "{refused:?}"
    );
    assert_eq!(right(elsewhere).await, Ok(Access::Admin));
}

#[test]
fn a_ticket_is_good_for_its_camera_its_client_and_its_purpose_only() {
    let (authority, auth_state) = (usual(), SharedAuthState::new(AuthState::default()));
    let (me, here) = (ME, NEAR.address);
    let (other, elsewhere) = (InstanceId(2), IpAddr::V4(Ipv4Addr::LOCALHOST));
    let now = unix_now();
    let session = Claims::session(SessionId(7), Access::Admin, now, &AuthState::default());
    let pictures = authority.sign(&session.picture_ticket(me, here, now));
    assert!(
        authority
            .check_picture_ticket(&pictures, &auth_state, me, here)
            .is_ok()
    );
    let wrong_purpose = Err(ClaimsError::WrongPurpose);
    assert_eq!(
        authority.check_picture_ticket(&pictures, &auth_state, other, here),
        wrong_purpose
    );
    assert_eq!(
        authority.check_picture_ticket(&pictures, &auth_state, me, elsewhere),
        wrong_purpose
    );
    assert_eq!(
        authority.check_session(&pictures, &auth_state, here),
        wrong_purpose
    );
    assert_eq!(
        authority.check_bearer(&pictures, &auth_state, here),
        wrong_purpose
    );
    assert_eq!(
        authority.redeem_entry_ticket(&pictures, &auth_state, me, here),
        wrong_purpose
    );

    let ticket = session.entry_ticket(me, here, 5, now).unwrap();
    let ticket = authority.sign(&ticket);
    assert_eq!(
        authority.redeem_entry_ticket(&ticket, &auth_state, other, here),
        wrong_purpose
    );
    assert_eq!(
        authority.redeem_entry_ticket(&ticket, &auth_state, me, elsewhere),
        wrong_purpose
    );
    assert_eq!(
        authority.check_session(&ticket, &auth_state, here),
        wrong_purpose
    );
    assert_eq!(
        authority.check_picture_ticket(&ticket, &auth_state, me, here),
        wrong_purpose
    );
    assert_eq!(
        authority.redeem_entry_ticket(&ticket, &auth_state, me, here),
        Ok(session)
    );
    let again = authority.redeem_entry_ticket(&ticket, &auth_state, me, here);
    assert_eq!(again, Err(ClaimsError::Revoked), "once");
}

#[tokio::test]
async fn where_the_budget_of_strangers_is_spent_a_right_password_waits_as_a_wrong_one() {
    let (authority, auth_state) = (usual(), SharedAuthState::new(AuthState::default()));
    verify(&authority, &auth_state, "viewer", "the viewer's")
        .await
        .unwrap(); // it is known to be right now
    let stranger = |number: u8| LoginSource {
        address: IpAddr::V4(Ipv4Addr::new(198, 51, 100, number)),
        network: ClientNetwork::Outside,
        agent: "",
    };
    for number in 0..=200 {
        let tried = authority.verify_password(&auth_state, "nobody", "x", stranger(number));
        tried.await.unwrap_err();
    }
    for password in ["a guess", "the viewer's"] {
        let tried = authority.verify_password(&auth_state, "viewer", password, stranger(250));
        let answer = tried.await;
        assert!(
            matches!(answer, Err(LoginError::Throttled(_))),
            "{password}: {answer:?}"
        );
    }
    assert!(
        verify(&authority, &auth_state, "viewer", "the viewer's")
            .await
            .is_ok(),
        "who is at home does not wait"
    );
}
