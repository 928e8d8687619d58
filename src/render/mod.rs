//! Pure text: everything that a person reads is made here.
