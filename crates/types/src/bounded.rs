//! Tables that outsiders fill: whoever makes up more than fit costs the table no more than its
//! oldest places.

use std::collections::BTreeMap;

/// Drops the oldest of a table that has just got one more than `most`.
pub fn forget_oldest<K: Ord + Copy, V, T: Ord>(
    table: &mut BTreeMap<K, V>,
    most: usize,
    at: impl Fn(&V) -> T,
) {
    if table.len() > most {
        let oldest = table.iter().min_by_key(|(_, seen)| at(seen));
        if let Some(oldest) = oldest.map(|(key, _)| *key) {
            table.remove(&oldest);
        }
    }
}
