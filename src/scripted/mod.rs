//! An agent that plays a script over the real protocol.
