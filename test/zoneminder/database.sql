-- Database user, options and users of the test server, after ZoneMinder's own zm_create.sql.
create user 'zmuser'@'localhost' identified by 'zmpass';
grant all on zm.* to 'zmuser'@'localhost';

update Config set Value = '1' where Name in ('ZM_OPT_USE_AUTH', 'ZM_OPT_USE_API');
-- Nothing here may ask for updates, call home, or lead every page to the privacy screen.
update Config set Value = '0' where Name in ('ZM_CHECK_FOR_UPDATES', 'ZM_TELEMETRY_DATA', 'ZM_RUN_AUDIT', 'ZM_SHOW_PRIVACY');
update Config set Value = 'the secret of the test server' where Name = 'ZM_AUTH_HASH_SECRET';

-- The password of all of them is "s3cret", hashed at the least cost.
set @hash = '$2y$04$.6PoJAPHamJ8NnnNXP88S.Olh/hLdswJEsCP1Y60mFlbJcglAY1..';
delete from Users;
insert into Users (Username, Password, Language, Enabled, APIEnabled, Stream, Events, Control, Monitors, `Groups`, Devices, System, MonitorIds)
values
  ('admin', @hash, '', 1, 1, 'View', 'Edit', 'Edit', 'Edit', 'Edit', 'Edit', 'Edit', ''),
  -- What the documentation recommends for clips.
  ('viewer', @hash, '', 1, 1, 'None', 'View', 'None', 'View', 'None', 'None', 'None', ''),
  ('first-only', @hash, '', 1, 1, 'None', 'View', 'None', 'View', 'None', 'None', 'None', '1'),
  ('no-events', @hash, '', 1, 1, 'None', 'None', 'None', 'View', 'None', 'None', 'None', ''),
  ('no-api', @hash, '', 1, 0, 'None', 'View', 'None', 'View', 'None', 'None', 'None', ''),
  ('disabled', @hash, '', 0, 1, 'None', 'View', 'None', 'View', 'None', 'None', 'None', '');
