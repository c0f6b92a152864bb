//! Routers that do not show whose a mapping is, or show none, or refuse and show nobody.

use porthole_sim_router::{
    ClientText, Descriptions, PerInner, Quirks, Renewal as LeaseHabit, Shown as Shows,
};

use super::super::fake::{FakeGateway, port, quirks, them, us};
use super::super::*;
use super::{given_back, request, won};
use crate::{Description, MappingRequest};

/// A router that shows this instead of a device's address, and descriptions as they were given.
fn names(client_text: ClientText) -> FakeGateway {
    FakeGateway::new(Quirks {
        client_text,
        descriptions: Descriptions::AsAsked,
        ..quirks()
    })
}

const UNCLEAR: [ClientText; 3] = [ClientText::HostName, ClientText::Mac, ClientText::Empty];

#[tokio::test]
async fn a_mapping_made_after_a_yes_is_ours_also_where_the_router_shows_a_name_for_the_device() {
    for client_text in UNCLEAR {
        let router = names(client_text);
        let mut learned = Learned::default();
        for asked in [Asked::First, Asked::Again] {
            let grant = won(secure(&router, &request(30), asked, &mut learned).await);
            assert_eq!(grant.evidence, Evidence::Answer, "{client_text:?}");
            assert!(grant.granted.as_seconds() >= 29);
        }
    }
}

#[tokio::test]
async fn a_mapping_of_which_nobody_can_say_whose_it_is_is_anothers_on_a_port_never_asked_for() {
    for client_text in UNCLEAR {
        let router = names(client_text).holding(them(), 30);
        let mut learned = Learned::default();
        let outcome = secure(&router, &request(30), Asked::First, &mut learned).await;
        assert!(
            matches!(outcome, Ok(SecureOutcome::Theirs(Some(_)))),
            "{client_text:?}: {outcome:?}"
        );
        assert_eq!(router.log(), ["entry"], "it is not written over");
    }
}

#[tokio::test]
async fn another_server_that_took_our_port_is_known_by_its_name_where_nothing_else_tells() {
    let router = names(ClientText::HostName);
    let theirs = MappingRequest {
        internal: them(),
        description: Description::for_name("server 2"),
        ..request(30)
    };
    crate::Gateway::add(&router, &theirs).await.unwrap();
    let mut learned = Learned::default();
    let outcome = secure(&router, &request(30), Asked::Again, &mut learned).await;
    assert!(matches!(outcome, Ok(SecureOutcome::Theirs(Some(_)))));
    assert_eq!(given_back(&router).await, Ok(Release::NotOurs));
}

#[tokio::test]
async fn a_router_that_shows_nothing_is_believed_when_it_says_yes_the_second_time() {
    let router = FakeGateway::new(Quirks {
        shown: Shows::Nothing,
        ..quirks()
    });
    let mut learned = Learned::default();
    let first = secure(&router, &request(30), Asked::First, &mut learned).await;
    assert_eq!(first, Err(crate::Error::NotStored { port: port() }));
    let grant = won(secure(&router, &request(30), Asked::Again, &mut learned).await);
    assert_eq!(
        (grant.evidence, grant.granted.as_seconds(), grant.entry),
        (Evidence::Answer, 30, None)
    );
}

#[tokio::test]
async fn what_cannot_be_seen_is_deleted_all_the_same() {
    for quirks in [
        Quirks {
            shown: Shows::Nothing,
            ..quirks()
        },
        Quirks {
            client_text: ClientText::HostName,
            ..quirks()
        },
    ] {
        let router = FakeGateway::new(quirks).holding(us(), 30);
        assert_eq!(given_back(&router).await, Ok(Release::Released));
        assert!(router.log().contains(&"delete".to_owned()));
        assert!(router.is_empty());
    }
}

#[tokio::test]
async fn a_mapping_that_is_only_listed_is_found() {
    let lists = Quirks {
        shown: Shows::ListOnly,
        ..quirks()
    };
    let router = FakeGateway::new(lists);
    let grant = won(secure(&router, &request(30), Asked::First, &mut Learned::default()).await);
    assert_eq!(grant.evidence, Evidence::ReadBack);
    let router = FakeGateway::new(lists).holding(us(), 30);
    assert_eq!(given_back(&router).await, Ok(Release::Released));
    assert!(router.is_empty());
}

#[tokio::test]
async fn a_second_port_to_the_same_inner_one_is_refused_with_nobody_there() {
    let router = FakeGateway::new(Quirks {
        per_inner: PerInner::One,
        ..quirks()
    });
    let mut learned = Learned::default();
    won(secure(&router, &request(30), Asked::First, &mut learned).await);
    let second = MappingRequest {
        external: porthole_types::ExternalPort::new(8081).unwrap(),
        ..request(30)
    };
    let outcome = secure(&router, &second, Asked::First, &mut learned).await;
    let Ok(SecureOutcome::Refused { shown, why }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((shown, why.refusal()), (Shown::Nobody, Some(718)));
}

#[tokio::test]
async fn a_lease_that_a_renewal_does_not_extend_is_noticed_and_made_anew() {
    let router = FakeGateway::new(Quirks {
        renewal: LeaseHabit::KeepsEnd,
        ..quirks()
    })
    .holding(us(), 11);
    let mut learned = Learned::default();
    let grant = won(secure(&router, &request(30), Asked::Again, &mut learned).await);
    assert_eq!(
        (grant.renewal, grant.granted.as_seconds()),
        (Renewal::Unchanged, 10)
    );
    let grant = won(remake(&router, &request(30), &mut learned).await);
    assert_eq!(
        (grant.renewal, grant.granted.as_seconds(), grant.before),
        (Renewal::New, 30, PriorMapping::Free)
    );
}

#[tokio::test]
async fn a_renewal_that_is_refused_until_the_end_is_made_anew() {
    let router = FakeGateway::new(Quirks {
        renewal: LeaseHabit::Refused,
        ..quirks()
    })
    .holding(us(), 11);
    let mut learned = Learned::default();
    let outcome = secure(&router, &request(30), Asked::Again, &mut learned).await;
    assert!(matches!(
        outcome,
        Ok(SecureOutcome::Refused {
            shown: Shown::Ours,
            ..
        })
    ));
    let grant = won(remake(&router, &request(30), &mut learned).await);
    assert_eq!(grant.granted.as_seconds(), 30);
}

#[tokio::test]
async fn a_mapping_of_another_is_not_made_anew() {
    let router = FakeGateway::default().holding(them(), 11);
    let outcome = remake(&router, &request(30), &mut Learned::default()).await;
    assert!(matches!(outcome, Ok(SecureOutcome::Theirs(Some(_)))));
    assert!(!router.log().contains(&"delete".to_owned()));
}
