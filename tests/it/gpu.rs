//! GPUs that work, that fail, and that are not there. Their elements are doubles, which encode in
//! software; all else is real.

mod failures;
mod recipes;
mod trials;
