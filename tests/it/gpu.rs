//! GPUs that work, that fail and that are missing. Doubles stand in for their elements and encode in
//! software; everything else is real.

mod confinement;
mod failures;
mod recipes;
mod trials;
