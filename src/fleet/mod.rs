//! The peer map: what is known of every camera, merged from several sources by a pure function.
