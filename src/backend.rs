//! Recipes that work on this machine.
