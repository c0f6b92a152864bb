//! Routers that say yes, and make a mapping lead elsewhere.

use std::net::SocketAddrV4;

use porthole_sim_router::{Access, Descriptions, LeadsTo, Quirks};

use super::super::fake::{FakeGateway, port, quirks, them, us};
use super::super::*;
use super::request;
use crate::{Error, Gateway as _, MappingRequest};

/// A router that makes everything lead to another port of the device, or to another device.
fn leading(leads_to: LeadsTo, access: Access) -> FakeGateway {
    FakeGateway::new(Quirks {
        leads_to,
        access,
        descriptions: Descriptions::AsAsked,
        ..quirks()
    })
}

fn aside() -> SocketAddrV4 {
    SocketAddrV4::new(*us().ip(), us().port() + 1)
}

#[tokio::test]
async fn what_leads_elsewhere_is_taken_away_and_told() {
    let repeater = LeadsTo::Repeater(*them().ip());
    for leads_to in [LeadsTo::PortForPort, repeater] {
        let router = leading(leads_to, Access::Open);
        let request = MappingRequest {
            internal: aside(),
            ..request(30)
        };
        let mut learned = Learned::default();
        for asked in [Asked::First, Asked::Again, Asked::Again] {
            let outcome = secure(&router, &request, asked, &mut learned).await;
            let Err(Error::MadeOtherwise { port: of, .. }) = outcome else {
                panic!("{leads_to:?} {asked:?}: {outcome:?}");
            };
            assert_eq!(of, port());
            assert!(router.is_empty(), "{leads_to:?}: nothing is left open");
        }
    }
}

#[tokio::test]
async fn what_the_router_does_not_take_away_is_not_asked_for_once_more() {
    let router = leading(LeadsTo::Repeater(*them().ip()), Access::Secure);
    let mut learned = Learned::default();
    for (asked, adds) in [(Asked::First, 1), (Asked::Again, 1)] {
        let outcome = secure(&router, &request(30), asked, &mut learned).await;
        assert!(
            matches!(outcome, Err(Error::MadeOtherwise { .. })),
            "{outcome:?}"
        );
        let log = router.log();
        let added = log.iter().filter(|call| call.starts_with("add"));
        assert_eq!(added.count(), adds, "{log:?}");
    }
    let released = given_back_by(&router, &mut learned).await;
    assert!(
        matches!(released, Release::StillThere(Some(_))),
        "{released:?}"
    );
}

/// A router on which something of our name leads there.
async fn left_by(internal: SocketAddrV4) -> FakeGateway {
    let router = leading(LeadsTo::AsAsked, Access::Open);
    let theirs = MappingRequest {
        internal,
        ..request(30)
    };
    router.add(&theirs).await.unwrap();
    router
}

async fn given_back_by(router: &FakeGateway, learned: &mut Learned) -> Release {
    let request = request(30);
    let mapping = Released {
        port: port(),
        internal: request.internal,
        description: &request.description,
    };
    release(router, mapping, learned).await.unwrap()
}

#[tokio::test]
async fn of_an_earlier_run_it_is_given_back_or_made_anew() {
    let router = left_by(aside()).await;
    let released = given_back_by(&router, &mut Learned::default()).await;
    assert_eq!(released, Release::Released);
    assert!(router.is_empty());

    let router = left_by(aside()).await;
    let outcome = secure(&router, &request(30), Asked::Again, &mut Learned::default()).await;
    let Ok(SecureOutcome::Ours(grant)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(grant.before, PriorMapping::Free);
}

#[tokio::test]
async fn a_namesake_is_left_alone() {
    let router = left_by(them()).await;
    let released = given_back_by(&router, &mut Learned::default()).await;
    assert_eq!(released, Release::NotOurs);
    let outcome = secure(&router, &request(30), Asked::Again, &mut Learned::default()).await;
    assert!(matches!(outcome, Ok(SecureOutcome::Theirs(Some(_)))));
    assert!(!router.is_empty());
}
