//! What servers say to each other about leadership.

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use porthole_types::{ExternalPort, InstanceId, Term};

/// One message of the election. Who sends it is on the envelope around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ElectionMessage {
    /// The representative to all, once a heartbeat: "I lead; report yourselves" (claim
    /// 3, ¶60; its absence is the sign of claim 14).
    Inquiry {
        /// The term that the sender leads in.
        term: Term,
        /// Why leadership came to the sender.
        cause: Cause,
        /// How long the sender has led, in milliseconds.
        held_ms: u64,
    },
    /// "I am going to be the representative" (claim 9: the identification message, ¶70).
    Claim {
        /// The term that the claimant would begin.
        term: Term,
        /// How many times this claimant has spoken up for this vacancy, from 0: more than 0 after
        /// a collision (claim 10).
        round: u32,
        /// How far it has come.
        stage: ClaimStage,
        /// Why it believes that nobody leads.
        cause: Cause,
    },
    /// "I am leaving" (claim 13: the Bye Bye message, ¶69). About another than its sender it is
    /// hearsay, and makes nobody do more than probe.
    Withdrawal {
        /// The term that ends.
        term: Term,
        /// The identity of the server that leaves.
        of: InstanceId,
        /// What it was.
        former_role: FormerRole,
    },
    /// "Are you there?" to the representative (claim 15, ¶80).
    Probe {
        /// Who is meant; nobody in particular where only the router says that there is a
        /// representative.
        of: Option<InstanceId>,
    },
    /// "I am, and I lead" (¶81 SQ62).
    ProbeReply {
        /// The term that the sender leads in.
        term: Term,
    },
}

/// What a leaving server was until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormerRole {
    /// It led; it has given the representative port back, or cannot hold it any more.
    Representative,
    /// One of the others.
    Member,
}

/// How far a claimant has come: only a later stage is refused by nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimStage {
    /// It asks whether anybody objects.
    Claiming,
    /// Nobody did; it is asking the router, or waits for the previous representative's lease to
    /// end.
    Acquiring,
    /// The router keeps the port for the previous representative and lets nobody delete it: it
    /// shows the fleet on its own port until somebody has set the router right.
    Deputy {
        /// Its own port on the router, if it has one.
        port: Option<ExternalPort>,
    },
}

impl ClaimStage {
    /// Its name alone, without a deputy's port: what the API says.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claiming => "claiming",
            Self::Acquiring => "acquiring",
            Self::Deputy { .. } => "deputy",
        }
    }
}

/// The names, since servers alone hear of the port.
impl utoipa::PartialSchema for ClaimStage {
    fn schema() -> RefOr<Schema> {
        let stages = [Self::Claiming, Self::Acquiring, Self::Deputy { port: None }];
        let about = "How far it has come: `claiming`, it asks the others whether they object; \
                     `acquiring`, it asks the router; `deputy`, it shows all cameras at its own \
                     `url`, because the router keeps the port for the one before.";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(about))
            .enum_values(Some(stages.map(Self::name)))
            .into()
    }
}

impl utoipa::ToSchema for ClaimStage {}

/// Why leadership changed hands.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The port was free: nobody held it before, as far as known.
    Free,
    /// The router still had it for this server from before its restart.
    Readopted,
    /// The one before said that it leaves.
    Withdrawal,
    /// Its Inquiries stayed away (claim 14).
    MissedHeartbeats,
    /// It did not answer when asked (claim 15).
    UnansweredProbes,
    /// Its lease on the router ended and it was not renewed.
    LeaseLost,
}

impl Cause {
    /// In words, to stand after "because".
    pub fn words(self) -> &'static str {
        match self {
            Self::Free => "the port was free",
            Self::Readopted => "the router still had the port for it after a restart",
            Self::Withdrawal => "the one before withdrew",
            Self::MissedHeartbeats => "the one before missed its heartbeats",
            Self::UnansweredProbes => "the one before did not answer",
            Self::LeaseLost => "the one before did not renew its lease",
        }
    }
}
