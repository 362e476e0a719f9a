//! Whose stream is checked, which decides how strict some rules are.

/// Whose stream is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Any encoder's.
    Any,
    /// This project's, whose frames must have the colours that it promises.
    Own,
}
