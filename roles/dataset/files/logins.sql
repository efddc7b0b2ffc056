-- The populated data set: after agents.sql, every agent is logged in.
-- The values are chosen; none holds a slash, which ujson escapes and the standard library does not.
INSERT INTO agent_login_status (agent_id, agent_number, extension, context, interface, state_interface, login_at)
SELECT id, number, '1' || number, 'default', 'Local-' || number, 'SIP-' || number, TIMESTAMP '2015-03-01 00:00:00'
FROM agentfeatures;

ANALYZE agent_login_status;
