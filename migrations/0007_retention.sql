-- What is over is forgotten after a while (`store/retention`). Its texts are looked for every day, under the writer's lock:
-- without this every prompt that there ever was would be read for it.
CREATE INDEX prompts_with_texts ON prompts (ended_at)
WHERE state IN ('done', 'dropped') AND (text <> '' OR attachments <> '[]');
