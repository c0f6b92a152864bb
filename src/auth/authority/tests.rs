//! Who is let in, who has to wait, and what becomes of sessions when passwords change.

use std::net::Ipv4Addr;

use super::*;

const NEAR: (IpAddr, ClientNetwork) = (
    IpAddr::V4(Ipv4Addr::new(192, 168, 77, 20)),
    ClientNetwork::Lan,
);
const ME: InstanceId = InstanceId(1);

fn with(values: &[(&str, &str)]) -> Authority {
    let values = values
        .iter()
        .map(|(name, value)| (format!("PORTHOLE__{name}"), (*value).to_owned()));
    let settings = Settings::load(None, values).unwrap();
    let mut own = Own::default();
    own.prepare(&settings, &AuthState::default()).unwrap();
    Authority::new(&settings, &own).unwrap()
}

fn usual() -> Authority {
    with(&[
        ("AUTH__ADMIN_PASSWORD", "the admin's"),
        ("AUTH__VIEWER_PASSWORD", "the viewer's"),
        ("SITE__KEY", "of this house"),
    ])
}

async fn prove(
    authority: &Authority,
    auth_state: &AuthStateCell,
    user: &str,
    password: &str,
) -> Result<Access, Refused> {
    authority
        .prove(auth_state, user, password, NEAR.0, NEAR.1)
        .await
}

#[tokio::test]
async fn each_user_has_a_password_of_its_own() {
    let (authority, auth_state) = (usual(), AuthStateCell::new(AuthState::default()));
    for (user, password, right) in [
        ("admin", "the admin's", Ok(Access::Admin)),
        ("viewer", "the viewer's", Ok(Access::Viewer)),
        ("admin", "the viewer's", Err(Refused::Wrong)),
        ("root", "the admin's", Err(Refused::Wrong)),
        ("admin", "", Err(Refused::Wrong)),
    ] {
        let proven = prove(&authority, &auth_state, user, password).await;
        assert_eq!(proven, right, "{user} {password}");
    }
}

#[tokio::test]
async fn a_viewer_without_a_password_cannot_log_in() {
    let authority = with(&[("AUTH__ADMIN_PASSWORD", "the admin's")]);
    let auth_state = AuthStateCell::new(AuthState::default());
    let proven = prove(&authority, &auth_state, "viewer", "").await;
    assert_eq!(proven, Err(Refused::Wrong));
}

#[tokio::test]
async fn passwords_set_over_http_replace_those_of_the_settings_also_where_they_were_right_before() {
    let (authority, auth_state) = (usual(), AuthStateCell::new(AuthState::default()));
    prove(&authority, &auth_state, "viewer", "the viewer's")
        .await
        .unwrap();
    prove(&authority, &auth_state, "admin", "the admin's")
        .await
        .unwrap();
    let wanted = Wanted {
        admin: Some("another one".to_owned()),
        viewer: WantedViewer::None,
    };
    let set = authority
        .passwords(&auth_state.now(), "the admin's".to_owned(), wanted)
        .await;
    auth_state.learn(&AuthState {
        passwords: Some(set.unwrap()),
        ..AuthState::default()
    });
    for (user, password, right) in [
        ("admin", "another one", Ok(Access::Admin)),
        ("admin", "the admin's", Err(Refused::Wrong)),
        ("viewer", "the viewer's", Err(Refused::Wrong)),
    ] {
        let proven = prove(&authority, &auth_state, user, password).await;
        assert_eq!(proven, right, "{user} {password}");
    }
}

#[tokio::test]
async fn what_is_not_changed_stays_as_it_is() {
    let (authority, auth_state) = (usual(), AuthStateCell::new(AuthState::default()));
    let wanted = Wanted {
        admin: None,
        viewer: WantedViewer::AsItIs,
    };
    let set = authority
        .passwords(&auth_state.now(), "the admin's".to_owned(), wanted)
        .await;
    auth_state.learn(&AuthState {
        passwords: Some(set.unwrap()),
        ..AuthState::default()
    });
    prove(&authority, &auth_state, "viewer", "the viewer's")
        .await
        .unwrap();
    prove(&authority, &auth_state, "admin", "the admin's")
        .await
        .unwrap();
}

#[tokio::test]
async fn right_credentials_wait_too_where_there_were_too_many_wrong_ones() {
    let (authority, auth_state) = (usual(), AuthStateCell::new(AuthState::default()));
    prove(&authority, &auth_state, "admin", "the admin's")
        .await
        .unwrap();
    for _ in 0..5 {
        assert_eq!(authority.fail(NEAR.0, NEAR.1), Ok(()));
    }
    let refused = prove(&authority, &auth_state, "admin", "the admin's").await;
    assert!(matches!(refused, Err(Refused::Wait(_))), "{refused:?}");
    let elsewhere = Ipv4Addr::new(192, 168, 77, 21).into();
    let proven = authority
        .prove(
            &auth_state,
            "admin",
            "the admin's",
            elsewhere,
            ClientNetwork::Lan,
        )
        .await;
    assert_eq!(proven, Ok(Access::Admin));
}

#[test]
fn a_pass_is_good_for_its_camera_its_visitor_and_its_purpose_only() {
    let (authority, auth_state) = (usual(), AuthStateCell::new(AuthState::default()));
    let (me, here) = (ME, NEAR.0);
    let (other, elsewhere) = (InstanceId(2), IpAddr::V4(Ipv4Addr::LOCALHOST));
    let now = unix_now();
    let session = Claims::session(SessionId(7), Access::Admin, now, &AuthState::default());
    let pictures = authority.sign(&session.pass_for_pictures(me, here, now));
    assert!(authority.pictures(&pictures, &auth_state, me, here).is_ok());
    let misused = Err(Rejected::Misused);
    assert_eq!(
        authority.pictures(&pictures, &auth_state, other, here),
        misused
    );
    assert_eq!(
        authority.pictures(&pictures, &auth_state, me, elsewhere),
        misused
    );
    assert_eq!(authority.session(&pictures, &auth_state), misused);
    assert_eq!(authority.bearer(&pictures, &auth_state), misused);
    assert_eq!(authority.enter(&pictures, &auth_state, me, here), misused);

    let pass = session.pass_for_entry(me, here, 5, now).unwrap();
    let pass = authority.sign(&pass);
    assert_eq!(authority.enter(&pass, &auth_state, other, here), misused);
    assert_eq!(authority.enter(&pass, &auth_state, me, elsewhere), misused);
    assert_eq!(authority.session(&pass, &auth_state), misused);
    assert_eq!(authority.pictures(&pass, &auth_state, me, here), misused);
    assert_eq!(authority.enter(&pass, &auth_state, me, here), Ok(session));
    let again = authority.enter(&pass, &auth_state, me, here);
    assert_eq!(again, Err(Rejected::Ended), "once");
}
