//! Errands: what one server asks another to do, and hears back about.

/// Why an errand was not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// This server does not speak on the LAN.
    #[error("this camera does not speak with the others (lan.enabled = false)")]
    Silent,
    /// So many are under way that one more would not be kept track of.
    #[error("too many such requests are under way")]
    Busy,
    /// It was asked several times, and has not answered.
    #[error("it has not answered")]
    Unanswered,
    /// It has answered that it would not; its own words.
    #[error("it says: {0}")]
    Refused(String),
}
