//! The one way in: authorize, make durable, then act.
