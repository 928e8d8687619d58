//! One actor per thread around a pure state machine.
