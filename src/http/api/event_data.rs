//! The data of the events of `/api/v1/events`.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::links::UrlResolver;
use crate::shared::{HistoryEntry, SiteChange, unix_seconds};

/// The data of one event.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventData {
    /// When the camera that answers noticed, seconds since 1970.
    at: f64,
    /// What happened, for a person.
    #[schema(example = "Back door is called Barn now.")]
    words: String,
    #[serde(flatten)]
    change: SiteChange,
}

impl EventData {
    /// An entry of the history, with the addresses that are right for one client.
    pub fn new(entry: &HistoryEntry, urls: &UrlResolver) -> Self {
        let mut change = entry.change.clone();
        urls.resolve(change.cameras_mut());
        Self {
            at: unix_seconds(entry.at),
            words: entry.change.words(),
            change,
        }
    }
}
