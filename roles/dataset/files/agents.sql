-- The data set of the 2015 experiment: 50 agents, none of them logged in. Runs as one transaction.
-- Known: the columns, ids 1 to 50, numbers 300 to 349, context default, no row in agent_login_status.
-- Chosen: the names, whose 587 letters make the ORM's reply as long as the published one (see README.md).
DROP TABLE IF EXISTS agent_login_status, agentfeatures;

CREATE TABLE agentfeatures (
    id                    serial PRIMARY KEY,
    numgroup              integer NOT NULL,
    firstname             varchar(128) NOT NULL DEFAULT '',
    lastname              varchar(128) NOT NULL DEFAULT '',
    number                varchar(40) NOT NULL UNIQUE,
    passwd                varchar(128) NOT NULL,
    context               varchar(39) NOT NULL,
    language              varchar(20) NOT NULL,
    autologoff            integer,
    "group"               varchar(255),
    description           text NOT NULL,
    preprocess_subroutine varchar(40)
);

CREATE TABLE agent_login_status (
    agent_id        integer PRIMARY KEY,
    agent_number    varchar(40) NOT NULL,
    extension       varchar(80) NOT NULL,
    context         varchar(80) NOT NULL,
    interface       varchar(128) NOT NULL UNIQUE,
    state_interface varchar(128) NOT NULL,
    login_at        timestamp NOT NULL DEFAULT now(),
    UNIQUE (extension, context)
);

INSERT INTO agentfeatures (
    id, numgroup, firstname, lastname, number, passwd, context, language, autologoff, "group", description,
    preprocess_subroutine
) VALUES
    (1, 1, 'Ada', 'Alder', '300', '', 'default', '', 0, '', '', ''),
    (2, 1, 'Bela', 'Hazelton', '301', '', 'default', '', 0, '', '', ''),
    (3, 1, 'Carla', 'Oakley', '302', '', 'default', '', 0, '', '', ''),
    (4, 1, 'Dario', 'Viburnum', '303', '', 'default', '', 0, '', '', ''),
    (5, 1, 'Elena', 'Dogwood', '304', '', 'default', '', 0, '', '', ''),
    (6, 1, 'Fabio', 'Kelpwood', '305', '', 'default', '', 0, '', '', ''),
    (7, 1, 'Greta', 'Rowan', '306', '', 'default', '', 0, '', '', ''),
    (8, 1, 'Hugo', 'Zelkova', '307', '', 'default', '', 0, '', '', ''),
    (9, 1, 'Irene', 'Gorse', '308', '', 'default', '', 0, '', '', ''),
    (10, 1, 'Jonas', 'Nettle', '309', '', 'default', '', 0, '', '', ''),
    (11, 1, 'Karin', 'Umberton', '310', '', 'default', '', 0, '', '', ''),
    (12, 1, 'Lucas', 'Cedarhill', '311', '', 'default', '', 0, '', '', ''),
    (13, 1, 'Marta', 'Juniper', '312', '', 'default', '', 0, '', '', ''),
    (14, 1, 'Nadia', 'Quince', '313', '', 'default', '', 0, '', '', ''),
    (15, 1, 'Oscar', 'Yarrow', '314', '', 'default', '', 0, '', '', ''),
    (16, 1, 'Paula', 'Fernley', '315', '', 'default', '', 0, '', '', ''),
    (17, 1, 'Quentin', 'Mapleton', '316', '', 'default', '', 0, '', '', ''),
    (18, 1, 'Rosa', 'Thornton', '317', '', 'default', '', 0, '', '', ''),
    (19, 1, 'Simon', 'Birchall', '318', '', 'default', '', 0, '', '', ''),
    (20, 1, 'Tilda', 'Ivory', '319', '', 'default', '', 0, '', '', ''),
    (21, 1, 'Ulric', 'Poplar', '320', '', 'default', '', 0, '', '', ''),
    (22, 1, 'Vera', 'Willow', '321', '', 'default', '', 0, '', '', ''),
    (23, 1, 'Walter', 'Elderkin', '322', '', 'default', '', 0, '', '', ''),
    (24, 1, 'Xenia', 'Linden', '323', '', 'default', '', 0, '', '', ''),
    (25, 1, 'Yannick', 'Sorrel', '324', '', 'default', '', 0, '', '', ''),
    (26, 1, 'Ada', 'Dogwood', '325', '', 'default', '', 0, '', '', ''),
    (27, 1, 'Bela', 'Kelpwood', '326', '', 'default', '', 0, '', '', ''),
    (28, 1, 'Carla', 'Rowan', '327', '', 'default', '', 0, '', '', ''),
    (29, 1, 'Dario', 'Zelkova', '328', '', 'default', '', 0, '', '', ''),
    (30, 1, 'Elena', 'Gorse', '329', '', 'default', '', 0, '', '', ''),
    (31, 1, 'Fabio', 'Nettle', '330', '', 'default', '', 0, '', '', ''),
    (32, 1, 'Greta', 'Umberton', '331', '', 'default', '', 0, '', '', ''),
    (33, 1, 'Hugo', 'Cedarhill', '332', '', 'default', '', 0, '', '', ''),
    (34, 1, 'Irene', 'Juniper', '333', '', 'default', '', 0, '', '', ''),
    (35, 1, 'Jonas', 'Quince', '334', '', 'default', '', 0, '', '', ''),
    (36, 1, 'Karin', 'Yarrow', '335', '', 'default', '', 0, '', '', ''),
    (37, 1, 'Lucas', 'Fernley', '336', '', 'default', '', 0, '', '', ''),
    (38, 1, 'Marta', 'Mapleton', '337', '', 'default', '', 0, '', '', ''),
    (39, 1, 'Nadia', 'Thornton', '338', '', 'default', '', 0, '', '', ''),
    (40, 1, 'Oscar', 'Birchall', '339', '', 'default', '', 0, '', '', ''),
    (41, 1, 'Paula', 'Ivory', '340', '', 'default', '', 0, '', '', ''),
    (42, 1, 'Quentin', 'Poplar', '341', '', 'default', '', 0, '', '', ''),
    (43, 1, 'Rosie', 'Willow', '342', '', 'default', '', 0, '', '', ''),
    (44, 1, 'Simon', 'Elderkin', '343', '', 'default', '', 0, '', '', ''),
    (45, 1, 'Tilda', 'Linden', '344', '', 'default', '', 0, '', '', ''),
    (46, 1, 'Ulric', 'Sorrel', '345', '', 'default', '', 0, '', '', ''),
    (47, 1, 'Vera', 'Alder', '346', '', 'default', '', 0, '', '', ''),
    (48, 1, 'Walter', 'Hazelton', '347', '', 'default', '', 0, '', '', ''),
    (49, 1, 'Xenia', 'Oakley', '348', '', 'default', '', 0, '', '', ''),
    (50, 1, 'Yannick', 'Viburnum', '349', '', 'default', '', 0, '', '', '');

SELECT setval('agentfeatures_id_seq', 50);
ANALYZE agentfeatures, agent_login_status;
