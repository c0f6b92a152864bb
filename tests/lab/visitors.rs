//! What is closed to the Internet stays closed, however it is asked for.

use crate::support::lab::{Lab, LabConfig};
use crate::testbed::cameras;

#[test]
fn without_a_login_nobody_sees_anything_from_the_lan_or_from_outside() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let fleet = cameras(&lab, 1, |setup| setup.set("auth", "public_view", false));
    fleet[0].await_leadership();
    let lan = format!("http://{}:8080", fleet[0].address());
    let ways = [(lab.outside(), lab.external_url(8080)), (lab.inside(), lan)];
    for (visitor, base) in ways {
        let base = base.trim_end_matches('/');
        for path in [
            "/",
            "/camera",
            "/stream.mjpg",
            "/snapshot.jpg",
            "/?action=stream",
            "/api/v1/status",
        ] {
            let url = format!("{base}{path}");
            let answer = visitor.get(&url).unwrap();
            assert_eq!(answer.status, 401, "{url}");
            assert!(answer.text().contains("/login"), "{}", answer.text());
        }
        for path in ["/", "/camera", "/snapshot.jpg", "/api/v1/status"] {
            let url = format!("{base}{path}");
            let answer = visitor.as_admin().get(&url).unwrap();
            assert_eq!(answer.status, 200, "{url} with the password");
        }
    }
}

#[test]
fn metrics_and_debugging_are_for_the_lan_even_where_anybody_may_watch() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let fleet = cameras(&lab, 1, |setup| setup);
    fleet[0].await_leadership();
    let (outside, inside) = (lab.outside(), lab.inside());
    let external = lab.external_url(8080);
    let lan = format!("http://{}:8080", fleet[0].address());
    assert_eq!(
        outside.get(&format!("{external}/metrics")).unwrap().status,
        403
    );
    assert_eq!(inside.get(&format!("{lan}/metrics")).unwrap().status, 200);
    for (path, status) in [
        ("/api/v1/debug/crash/drive", 403),
        ("/api/v1/drive", 401),
        ("/api/v1/representative/withdraw", 401),
    ] {
        let answer = outside.post(&format!("{external}{path}")).unwrap();
        assert_eq!(answer.status, status, "{path} from outside");
    }
    let restarts = "porthole_actor_restarts_total{actor=\"drive\"}";
    assert_eq!(
        fleet[0].metric(restarts),
        Ok(0.0),
        "a stranger made an actor panic"
    );
}
