//! All settings, added up.
