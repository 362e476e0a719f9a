//! From segments to objects that players read.
