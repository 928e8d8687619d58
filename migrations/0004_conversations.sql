-- Which sessions had a conversation: past ones are looked for with every letter that is typed after `/omp resume`.
CREATE INDEX agent_sessions_conversation ON agent_sessions (agent_session_id);

-- A daemon that runs for months asks many questions. What is over is forgotten after a month, as it is at the start.
CREATE INDEX dialogs_over ON dialogs (ended_at) WHERE state <> 'open';
CREATE TRIGGER dialogs_forgotten AFTER INSERT ON dialogs
BEGIN
    DELETE FROM dialogs WHERE state <> 'open' AND ended_at < NEW.created_at - 2592000000;
END;
