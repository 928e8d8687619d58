//! Rules that are absences.
